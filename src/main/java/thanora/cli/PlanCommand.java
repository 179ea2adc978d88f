package thanora.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.function.ToLongFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import thanora.Recipe;
import thanora.RunPlan;
import thanora.RunPlan.OnDevice;

@Command(
    name = "plan",
    description = {
      "Says what a run will take, before any weight is loaded: memory on a CPU and on a GPU, steps, tokens and an"
          + " estimate of the time. Nothing is written. (analyze plans ranks; it loads the model and previews rows.)"
    },
    footer = {
      "",
      "Example: thanora plan recipe.yaml --set train.batch_size=64"
    })
final class PlanCommand implements Callable<Integer> {
  @Parameters(paramLabel = "RECIPE", description = "A recipe file; see docs/recipe.md.")
  private Path file;

  @Option(names = "--dry-run", description = "Taken for scripts; a plan never loads weights.")
  private boolean dryRun;

  @Mixin private RecipeOptions options;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    Recipe recipe = output.fetched(options.read(file, output::note).withAbsolutePaths());
    try (RunDisplay display = new RunDisplay(output)) {
      RunPlan plan = RunPlan.of(recipe, display);
      display.close();
      plan.warnings().forEach(warning -> output.note("warning: " + warning));
      output.result(tree(plan), text(plan));
    }
    return 0;
  }

  private static String text(RunPlan plan) {
    RunPlan.Work work = plan.work();
    List<String> lines = new ArrayList<>();
    lines.add(plan.model());
    lines.add(String.format(Locale.ROOT, "%,d trainable numbers; %,d steps of %,.0f tokens, %,.0f of them trained on;"
        + " the largest micro-batch has %,d", plan.parameters(), plan.steps(), work.tokens(), work.labels(),
        work.microBatchTokens()));
    lines.add(operations(work.flop()) + "FLOP a step" + (work.seconds().isEmpty()
        ? "; the recipe's device is not there, so no time is estimated"
        : "; on " + work.device().orElseThrow() + " about " + time(work.seconds().getAsDouble()) + " a step and "
            + time(work.seconds().getAsDouble() * plan.steps()) + " in all, without scoring: an estimate from a probe of "
            + operations(work.probe().getAsDouble()) + "FLOP/s"));
    lines.add("");
    lines.add(memory(plan).toString());
    lines.add("");
    lines.add("the run folder takes up to " + size(plan.disk()) + " of disk");
    return String.join(System.lineSeparator(), lines);
  }

  private static Table memory(RunPlan plan) {
    List<OnDevice> devices = plan.devices();
    Table table = new Table("memory", head(devices.get(0)), head(devices.get(1)));
    rows().forEach((name, value) -> table.row(name,
        size(value.applyAsLong(devices.get(0))), size(value.applyAsLong(devices.get(1)))));
    table.row("free now", size(devices.get(0).free()), size(devices.get(1).free()));
    table.row("most train.micro_batch_tokens for that",
        count(devices.get(0).largestMicroBatch()), count(devices.get(1).largestMicroBatch()));
    return table;
  }

  private static String head(OnDevice device) {
    return device.device() + ", " + device.dtype().toString().toLowerCase(Locale.ROOT);
  }

  /** What takes memory, in the order of the table. */
  private static Map<String, ToLongFunction<OnDevice>> rows() {
    Map<String, ToLongFunction<OnDevice>> rows = new LinkedHashMap<>();
    rows.put("weights", device -> device.step().weights());
    rows.put("adapter", device -> device.step().adapter());
    rows.put("gradients", device -> device.step().gradients());
    rows.put("moments", device -> device.step().moments());
    rows.put("activations", device -> device.step().activations());
    rows.put("logits and others of a moment", device -> device.step().moment());
    rows.put("= training", device -> device.step().peak());
    rows.put("preview, beside weights and adapter", OnDevice::preview);
    rows.put("scoring, beside weights and adapter", OnDevice::evaluation);
    rows.put("Java's heap, libraries", OnDevice::libraries);
    rows.put("= most at once", OnDevice::peak);
    return rows;
  }

  /** For scripts: bytes. */
  private static Map<String, Object> tree(RunPlan plan) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("trainable_parameters", plan.parameters());
    tree.put("steps", plan.steps());
    tree.put("tokens_per_step", plan.work().tokens());
    tree.put("largest_micro_batch_tokens", plan.work().microBatchTokens());
    tree.put("flop_per_step", plan.work().flop());
    tree.put("probe_flops", plan.work().probe().isPresent() ? plan.work().probe().getAsDouble() : null);
    tree.put("seconds_per_step", plan.work().seconds().isPresent() ? plan.work().seconds().getAsDouble() : null);
    for (OnDevice device : plan.devices()) {
      tree.put(device.device().toLowerCase(Locale.ROOT), tree(device));
    }
    tree.put("disk", plan.disk());
    tree.put("warnings", plan.warnings());
    return tree;
  }

  private static Map<String, Object> tree(OnDevice device) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("dtype", device.dtype().toString().toLowerCase(Locale.ROOT));
    tree.put("weights", device.step().weights());
    tree.put("adapter", device.step().adapter());
    tree.put("gradients", device.step().gradients());
    tree.put("moments", device.step().moments());
    tree.put("activations", device.step().activations());
    tree.put("moment", device.step().moment());
    tree.put("training", device.step().peak());
    tree.put("preview", device.preview());
    tree.put("scoring", device.evaluation());
    tree.put("libraries", device.libraries());
    tree.put("peak", device.peak());
    tree.put("free", device.free().isPresent() ? device.free().getAsLong() : null);
    tree.put("micro_batch_tokens", device.largestMicroBatch().isPresent() ? device.largestMicroBatch().getAsLong() : null);
    return tree;
  }

  private static String size(OptionalLong bytes) {
    return bytes.isPresent() ? size(bytes.getAsLong()) : "-";
  }

  private static String size(long bytes) {
    return bytes >= 1e9 ? String.format(Locale.ROOT, "%.2f GB", bytes / 1e9)
        : String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
  }

  private static String operations(double flop) {
    return flop >= 1e12 ? String.format(Locale.ROOT, "%.1f T", flop / 1e12)
        : String.format(Locale.ROOT, "%.1f G", flop / 1e9);
  }

  private static String count(OptionalLong count) {
    return count.isPresent() ? String.format(Locale.ROOT, "%,d", count.getAsLong()) : "-";
  }

  private static String time(double seconds) {
    return seconds < 100 ? String.format(Locale.ROOT, "%.2g s", seconds)
        : seconds < 6000 ? Math.round(seconds / 60) + " min"
        : String.format(Locale.ROOT, "%.1f h", seconds / 3600);
  }
}
