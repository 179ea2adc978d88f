package thanora.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import thanora.HubNames;
import thanora.Recipe;
import thanora.RecipeReader;

/** What every command says, and where. */
final class OutputOptions {
  @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.")
  boolean help;

  @Option(names = "--quiet", description = "No progress and no notes; errors and results only.")
  boolean quiet;

  @Option(names = "--json", description = "The result as one JSON object on standard output.")
  boolean json;

  @Option(names = "--debug", description = "Show the stack of a failure.")
  boolean debug;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /** Standard output, for results. */
  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  /** Standard error, for everything else. */
  PrintWriter err() {
    return spec.commandLine().getErr();
  }

  /** A line on standard error, unless quiet. */
  void note(String line) {
    if (!quiet) {
      err().println(line);
      err().flush();
    }
  }

  /** The result: the value as JSON with {@code --json}, or the text. */
  void result(Object value, String text) {
    try {
      out().println(json ? new ObjectMapper().writeValueAsString(value) : text);
      out().flush();
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the result cannot be written as JSON", e);
    }
  }

  /**
   * A recipe that can be run: its files are there, and what it names on the hub is in the cache.
   *
   * @param recipe with absolute paths
   */
  Recipe fetched(Recipe recipe) {
    RecipeReader.requireFiles(recipe);
    try (RunDisplay display = new RunDisplay(this)) {
      return HubNames.fetch(recipe, display);
    }
  }

  /** The same for a model alone. */
  String fetched(String model) {
    HubNames.hidden(model).ifPresent(this::note);
    try (RunDisplay display = new RunDisplay(this)) {
      return HubNames.fetch(model, display);
    }
  }

  /** Progress on standard error, silent when quiet. */
  Progress progress(String label, int total) {
    return Progress.on(err(), label, total, quiet);
  }
}
