package thanora.cli;

import java.io.PrintWriter;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;
import thanora.RecipeException;
import thanora.RecipeReader;
import thanora.RunFolderException;
import thanora.hub.HubMissingException;
import thanora.train.StoppedException;

/** From exceptions to lines on standard error and exit codes. */
final class Failures {
  static final int FAILED = 1;
  static final int WRONG_USE = 2;

  private Failures() {}

  /** Unknown options, missing arguments, values that do not parse. */
  static int wrongUse(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    String fault = e instanceof UnmatchedArgumentException unmatched
        ? unmatched(unmatched)
        : firstLine(e).replaceAll("is not an? (int|long)$", "is not a whole number");
    err.println("thanora: " + fault + (fault.endsWith("?") ? " See " : "; see ") + command.getCommandSpec().qualifiedName()
        + " --help");
    err.flush();
    return WRONG_USE;
  }

  private static String unmatched(UnmatchedArgumentException e) {
    String word = e.getUnmatched().get(0);
    boolean command = !e.isUnknownOption() && !e.getCommandLine().getSubcommands().isEmpty();
    String what = e.isUnknownOption() ? "option " + word + " is unknown"
        : command ? word + " is not a command" : "argument " + word + " is one too many";
    return what + RecipeReader.nearest(word, e.getSuggestions()).or(() -> e.getSuggestions().stream().findFirst())
        .map(near -> "; did you mean " + near + "?")
        .or(() -> e.isUnknownOption() && e.getCommandLine().getCommandSpec().optionsMap().containsKey("--set")
            ? RecipeReader.nearestKey(word).map(near -> "; did you mean " + near + "?") : Optional.empty())
        .orElse("");
  }

  /** What a command threw; its stack only with {@code --debug}. */
  static int failed(Exception e, CommandLine command, ParseResult parsed) {
    PrintWriter err = command.getErr();
    boolean debug = parsed.originalArgs().contains("--debug");
    if (isExplained(e) && e.getMessage() != null) {
      e.getMessage().lines().forEach(problem -> err.println("thanora: " + problem));
    } else {
      err.println("thanora: failed: " + e.getClass().getSimpleName() + ": " + firstLine(e)
          + (debug ? "" : "; --debug shows where"));
    }
    if (debug) {
      e.printStackTrace(err);
    }
    err.flush();
    if (e instanceof StoppedException) {
      return StopSignals.exitCode();
    }
    return isMistake(e) ? WRONG_USE : FAILED;
  }

  private static boolean isMistake(Exception e) {
    return e instanceof RecipeException
        || e instanceof RunFolderException
        || e instanceof HubMissingException
        || e instanceof IllegalArgumentException;
  }

  /** Exceptions of this project say value, rule and remedy in their message. */
  private static boolean isExplained(Exception e) {
    return isMistake(e)
        || e instanceof UnsupportedOperationException
        || e.getClass().getName().startsWith("thanora.");
  }

  private static String firstLine(Exception e) {
    String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return message.lines().map(String::strip).filter(line -> !line.isEmpty()).findFirst()
        .orElse(e.getClass().getSimpleName());
  }
}
