package thanora.cli;

import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import thanora.RecipeReader;

@Command(
    name = "help",
    description = "Shows the help of a command, or a man page of all of them.",
    footer = {
      "",
      "Example: thanora help train",
      "         thanora help --man > thanora.1 && man ./thanora.1"
    })
final class HelpCommand implements Callable<Integer> {
  @Parameters(arity = "0..1", paramLabel = "COMMAND", description = "The command; all of them if left out.")
  private Optional<String> command = Optional.empty();

  @Option(names = "--man", description = "A man page of all commands, as roff, on standard output.")
  private boolean man;

  @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.")
  private boolean help;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    CommandLine thanora = spec.parent().commandLine();
    if (man) {
      thanora.getOut().print(ManPage.of(thanora));
      thanora.getOut().flush();
      return 0;
    }
    CommandLine explained = command.map(name -> Optional.ofNullable(thanora.getSubcommands().get(name))
        .orElseThrow(() -> new ParameterException(thanora, name + " is not a command"
            + RecipeReader.nearest(name, thanora.getSubcommands().keySet())
                .map(near -> "; did you mean " + near + "?").orElse("")))).orElse(thanora);
    explained.usage(thanora.getOut());
    return 0;
  }
}
