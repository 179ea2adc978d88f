package thanora.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import thanora.RecipeReader;

/**
 * Keys of a recipe as other tools take them on the command line: {@code train.max_steps=10}, {@code
 * --learning_rate 1e-3}, {@code --learning-rate=1e-3}. For commands with {@code --set} each becomes one.
 */
final class Arguments {
  private static final String SET = "--set";

  private final CommandLine command;
  private final List<String> given;
  private final List<String> taken = new ArrayList<>();

  private Arguments(CommandLine command, List<String> given) {
    this.command = command;
    this.given = given;
  }

  /** The arguments as the command declares them. */
  static String[] declared(CommandLine thanora, String... arguments) {
    CommandLine command = arguments.length == 0 ? null : thanora.getSubcommands().get(arguments[0]);
    if (command == null || !command.getCommandSpec().optionsMap().containsKey(SET)) {
      return arguments;
    }
    Arguments words = new Arguments(command, List.of(arguments));
    words.taken.add(arguments[0]);
    for (int at = 1; at < arguments.length; ) {
      at = words.take(at);
    }
    return words.taken.toArray(String[]::new);
  }

  /** Takes the word there, with its value; returns the next one to look at. */
  private int take(int at) {
    String word = given.get(at);
    String name = word.contains("=") ? word.substring(0, word.indexOf('=')) : word;
    OptionSpec option = command.getCommandSpec().optionsMap().get(name);
    if (option != null) {
      boolean more = option.arity().max() > 0 && !word.contains("=") && at + 1 < given.size();
      taken.addAll(given.subList(at, at + (more ? 2 : 1)));
      return at + (more ? 2 : 1);
    }
    boolean isOption = name.startsWith("--");
    if (!isKey(isOption ? name.substring(2) : name, isOption) || !isOption && !isAssignment(word)) {
      taken.add(word);
      return at + 1;
    }
    taken.add(SET);
    if (word.contains("=")) {
      taken.add(word);
      return at + 1;
    }
    boolean valued = at + 1 < given.size() && !given.get(at + 1).startsWith("--");
    taken.add(name + "=" + (valued ? given.get(at + 1) : "true"));
    return at + (valued ? 2 : 1);
  }

  private static boolean isKey(String name, boolean isOption) {
    return RecipeReader.isKey(name.replace('-', '_')) || !isOption && name.matches("[\\w-]+(\\.[\\w-]+)+");
  }

  /** A file may be named like that. */
  private static boolean isAssignment(String word) {
    return word.contains("=") && !Files.exists(Path.of(word));
  }
}
