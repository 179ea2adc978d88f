package thanora.cli;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** A man page of all commands, in roff with the macros of man(7). */
final class ManPage {
  private final StringBuilder page = new StringBuilder();

  private ManPage() {}

  static String of(CommandLine thanora) {
    ManPage man = new ManPage();
    CommandSpec spec = thanora.getCommandSpec();
    man.macro("TH", "THANORA", "1", "", Main.VERSION, "ThanoRA");
    man.macro("SH", "NAME");
    man.text("thanora - fine-tunes one model on several tasks with one LoRA that merges into it");
    man.macro("SH", "SYNOPSIS");
    man.text("thanora COMMAND [OPTIONS]");
    man.macro("SH", "DESCRIPTION");
    man.texts(spec.usageMessage().description());
    man.text("Results go to standard output, as one JSON object with --json; progress and notes to standard error,"
        + " none with --quiet.");
    man.macro("SH", "COMMANDS");
    visible(thanora).forEach(man::command);
    man.macro("SH", "EXIT STATUS");
    man.item("0", "Success.");
    man.item("1", "Failed.");
    man.item("2", "Wrong use, a wrong recipe, or files that are not there.");
    man.item("130, 143", "Ctrl-C or SIGTERM.");
    man.macro("SH", "ENVIRONMENT");
    man.item("JAVA_HOME", "The JDK; JAVA_FLAGS are words for it.");
    man.item("NO_COLOR, TERM, COLUMNS", "As everywhere: help without colours, progress on a dumb terminal as lines.");
    return man.page.toString();
  }

  private static List<CommandLine> visible(CommandLine thanora) {
    return thanora.getSubcommands().values().stream()
        .filter(command -> !command.getCommandSpec().usageMessage().hidden()).toList();
  }

  private void command(CommandLine command) {
    CommandSpec spec = command.getCommandSpec();
    macro("SS", synopsis(spec));
    texts(spec.usageMessage().description());
    spec.positionalParameters().stream().filter(parameter -> !parameter.hidden())
        .forEach(parameter -> item(parameter.paramLabel(), described(parameter)));
    spec.options().stream().filter(option -> !option.hidden())
        .forEach(option -> item(named(option), described(option)));
    List<String> footer = Arrays.asList(spec.usageMessage().footer());
    if (!footer.isEmpty()) {
      page.append(".PP\n.nf\n");
      footer.stream().filter(line -> !line.isEmpty()).forEach(line -> page.append(escaped(line)).append('\n'));
      page.append(".fi\n");
    }
  }

  private static String synopsis(CommandSpec spec) {
    return spec.qualifiedName() + spec.positionalParameters().stream().filter(parameter -> !parameter.hidden())
        .map(parameter -> " " + parameter.paramLabel()).collect(Collectors.joining());
  }

  private static String named(OptionSpec option) {
    return String.join(", ", option.names()) + (option.arity().max() > 0 ? " " + option.paramLabel() : "");
  }

  /** The description with its variables replaced. */
  private static String described(ArgSpec argument) {
    return Arrays.stream(argument.description())
        .map(line -> line.replace("${DEFAULT-VALUE}", String.valueOf(argument.defaultValueString()))
            .replace("${COMPLETION-CANDIDATES}", candidates(argument)))
        .collect(Collectors.joining(" "));
  }

  private static String candidates(ArgSpec argument) {
    Iterable<String> candidates = argument.completionCandidates();
    return candidates == null ? "" : String.join(", ", candidates);
  }

  private void macro(String name, String... words) {
    page.append('.').append(name);
    for (String word : words) {
      page.append(" \"").append(escaped(word).replace("\"", "\\(dq")).append('"');
    }
    page.append('\n');
  }

  private void item(String term, String text) {
    page.append(".TP\n\\fB").append(escaped(term)).append("\\fR\n");
    text(text);
  }

  private void texts(String... lines) {
    for (String line : lines) {
      page.append(".PP\n");
      text(line);
    }
  }

  private void text(String line) {
    page.append(escaped(line)).append('\n');
  }

  /** What roff would take as its own: backslashes, hyphens, and a dot or quote that begins a line. */
  private static String escaped(String text) {
    String plain = text.replace("\\", "\\e").replace("-", "\\-");
    return plain.startsWith(".") || plain.startsWith("'") ? "\\&" + plain : plain;
  }
}
