package thanora.cli;

import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "completion",
    description = "Prints what makes a shell complete commands, options and files.",
    footer = {
      "",
      "Example: source <(thanora completion bash)    in ~/.bashrc",
      "         source <(thanora completion zsh)     in ~/.zshrc"
    })
final class CompletionCommand implements Callable<Integer> {
  /** Shells. */
  enum Shell {
    BASH,
    ZSH;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Parameters(paramLabel = "SHELL", description = "One of ${COMPLETION-CANDIDATES}.")
  private Shell shell;

  @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.")
  private boolean help;

  @Spec private CommandSpec spec;

  /** One script serves both: in zsh it turns bash's way of completing on. */
  @Override
  public Integer call() {
    spec.commandLine().getOut().print(AutoComplete.bash("thanora", spec.parent().commandLine()));
    spec.commandLine().getOut().flush();
    return 0;
  }
}
