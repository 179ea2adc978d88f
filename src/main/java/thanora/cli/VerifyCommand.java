package thanora.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import thanora.Recipe;
import thanora.RunFolder;
import thanora.Verification;

@Command(
    name = "verify",
    description = {
      "Replays test rows on what left a run and compares the logits with those of base and adapter in"
          + " float32: run folders, PEFT adapters, merged Hugging Face folders, GGUF files of models and"
          + " adapters. Ends with 1 if one differs by more than its limit."
    },
    footer = {
      "",
      "Example: thanora verify runs/a merged adapter.gguf model.gguf"
    })
final class VerifyCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "RUN", description = "The folder of a run, which is right.")
  private Path run;

  @Parameters(
      index = "1..*",
      paramLabel = "PATH",
      description = "What is compared with it; if left out, the run as it computes in its own type.")
  private List<Path> paths = new ArrayList<>();

  @Option(
      names = "--limit",
      paramLabel = "X",
      description = "The largest difference of a logit, over the largest logit. If left out, 1e-4, and 0.1"
          + " where weights or activations have fewer than 32 bits.")
  private Optional<Double> limit = Optional.empty();

  @Mixin private RecipeOptions options;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    List<String> overrides = new ArrayList<>(options.overrides());
    limit.ifPresent(value -> overrides.add("merge.max_logit_difference=" + value));
    Recipe recipe = output.fetched(RunFolder.recipeOf(run, overrides, output::note).withAbsolutePaths());
    try (RunDisplay display = new RunDisplay(output)) {
      List<Verification.Result> results =
          Verification.of(recipe, run, paths.isEmpty() ? List.of(run) : paths, display);
      display.close();
      output.result(tree(results), table(results));
      results.stream().filter(result -> !result.passed()).forEach(result -> output.err().println(
          "thanora: " + result.path() + ": logits differ by " + scientific(result.difference().relative())
              + " of the largest, the limit is " + scientific(result.limit())
              + "; write it again from the run, in float32 if it is to be exact"));
      output.err().flush();
      return results.stream().allMatch(Verification.Result::passed) ? 0 : Failures.FAILED;
    }
  }

  private static String table(List<Verification.Result> results) {
    Table table = new Table("path", "what", "largest difference", "of the largest", "limit", "same token", "");
    for (Verification.Result result : results) {
      table.row(result.path().toString(), result.kind().title(), scientific(result.difference().absolute()),
          scientific(result.difference().relative()), scientific(result.limit()),
          String.format(Locale.ROOT, "%.2f%%", 100 * result.difference().sameShare()),
          result.passed() ? "ok" : "too far");
    }
    return table.toString();
  }

  private Map<String, Object> tree(List<Verification.Result> results) {
    List<Map<String, Object>> all = new ArrayList<>();
    for (Verification.Result result : results) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("path", result.path().toString());
      one.put("kind", result.kind().name().toLowerCase(Locale.ROOT));
      one.put("max_logit_difference", Scores.finite(result.difference().absolute()));
      one.put("relative", Scores.finite(result.difference().relative()));
      one.put("limit", result.limit());
      one.put("same_token", result.difference().sameShare());
      one.put("positions", result.difference().positions());
      one.put("passed", result.passed());
      all.add(one);
    }
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("run", run.toString());
    tree.put("results", all);
    return tree;
  }

  private static String scientific(double value) {
    return String.format(Locale.ROOT, "%.1e", value);
  }
}
