package thanora.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.FineTune;
import thanora.HubNames;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.RunFolder;
import thanora.RunSummary;
import thanora.TrainedModel;
import thanora.checkpoint.AtomicFolders;
import thanora.eval.AnswersFile;
import thanora.hasi.RankPlan;
import thanora.hasi.RankPlanTable;
import thanora.train.StoppedException;

@Command(
    name = "demo",
    description = {
      "The whole way on the model and tasks shipped here: preview, rank plan, training, scores"
          + " before and after, plain LoRA beside it, merge and check, one answer a task. Needs no"
          + " files and no network."
    },
    footer = {
      "",
      "Example: thanora demo --run-dir runs/first",
      "         thanora demo --images"
    })
final class DemoCommand implements Callable<Integer> {
  /**
   * Plain LoRA's own best of 1e-3, 2e-3, 3e-3, 4e-3, 6e-3 by mean −log p, 400 steps, seeds 0 and 1;
   * ThanoRA's, from the same sweep, stands in recipes/demo.yaml.
   */
  private static final String LORA_LEARNING_RATE = "2e-3";

  @Option(names = "--steps", paramLabel = "N", description = "Optimiser steps of each method.")
  private Optional<Integer> steps = Optional.empty();

  @Option(
      names = "--images",
      description = "Tasks with pictures, and a model with a vision tower.")
  private boolean images;

  @Mixin private RecipeOptions options;
  @Mixin private RunOptions run;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() throws IOException {
    long start = System.nanoTime();
    try (StopSignals signals = StopSignals.take(output.err());
        RunFolder folder = run.create(images ? "demo-images" : "demo", output::note);
        RunDisplay display = new RunDisplay(output)) {
      try {
        demo(folder, display, start);
      } catch (StoppedException e) {
        throw RunOptions.resumable(e, folder);
      } finally {
        DemoRecipe.removeUnlessRun(folder);
      }
    }
    return 0;
  }

  private void demo(RunFolder folder, RunDisplay display, long start) throws IOException {
    Recipe recipe = HubNames.fetch(recipe(folder.path()), folder.path(), display);
    output.note("ThanoRA: each task in a subspace of its own, one adapter, no router");
    RunSummary thanora = FineTune.run(recipe, folder, display);
    display.close();
    if (Files.exists(folder.planFile())) {
      output.note("\nRanks of each task and their entropies, mean over layers:\n"
          + RankPlanTable.byKind(RankPlan.read(folder.planFile())).strip());
    }
    output.note("\nThe same with one plain LoRA");
    RunSummary lora = plainLora(recipe, folder, display);
    display.close();

    Path merged = folder.path().resolve("merged");
    TrainedModel.MergeReport report = merge(recipe, folder, merged, display);
    display.close();
    Collection<AnswersFile.Line> answers = answers(folder);
    output.result(result(thanora, lora, report), text(thanora, lora, report, answers)
        + String.format(Locale.ROOT, "%n%nrun folder: %s   merged model: %s   %.0f s in all%n"
            + "next: ./thanora generate --model %s --prompt \"%s\"%n"
            + "      ./thanora train recipes/six-tasks.yaml --model MODEL --data DIR",
            folder.path(), merged, (System.nanoTime() - start) / 1e9, merged,
            answers.stream().map(AnswersFile.Line::prompt).filter(prompt -> !prompt.contains("<image>"))
                .findFirst().orElseThrow()));
  }

  private Recipe recipe(Path folder) throws IOException {
    List<String> changes = new ArrayList<>(options.overrides());
    steps.ifPresent(n -> changes.add("train.max_steps=" + n));
    return (images ? DemoRecipe.IMAGES : DemoRecipe.TEXT).read(folder, changes, output::note);
  }

  /** The same rows, steps and rank; the scores of the base are known already. */
  private RunSummary plainLora(Recipe recipe, RunFolder thanora, RunDisplay display) throws IOException {
    Recipe lora = recipe.with("method=lora", "train.learning_rate=" + LORA_LEARNING_RATE);
    Path path = thanora.path().resolve("lora");
    try (RunFolder folder = RunFolder.create(path, run.resume, output::note)) {
      if (!Files.exists(path.resolve(FineTune.BEFORE))) {
        AnswersFile.write(path.resolve(AnswersFile.FILE), AnswersFile.read(thanora.answersFile()).stream()
            .map(AnswersFile.Line::withoutAfter).toList());
        Files.copy(thanora.path().resolve(FineTune.BEFORE), path.resolve(FineTune.BEFORE));
      }
      return FineTune.run(lora, folder, display);
    }
  }

  private TrainedModel.MergeReport merge(
      Recipe recipe, RunFolder folder, Path target, RunDisplay display) {
    if (Files.exists(target)) {
      AtomicFolders.remove(target);
    }
    try (TrainedModel model = TrainedModel.open(
        LoadedModel.load(recipe), Optional.of(TrainedModel.adapterOf(folder.path())))) {
      return model.merge(recipe, target, display);
    }
  }

  /** The first test row of each task. */
  private static Collection<AnswersFile.Line> answers(RunFolder folder) {
    Map<String, AnswersFile.Line> answers = new LinkedHashMap<>();
    AnswersFile.read(folder.answersFile()).forEach(line -> answers.putIfAbsent(line.task(), line));
    return answers.values();
  }

  private static Map<String, Object> result(
      RunSummary thanora, RunSummary lora, TrainedModel.MergeReport report) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("thanora", thanora.toTree());
    result.put("lora", lora.toTree());
    result.put("merged_max_logit_difference", report.maxLogitDifference());
    return result;
  }

  private static String text(RunSummary thanora, RunSummary lora,
      TrainedModel.MergeReport report, Collection<AnswersFile.Line> answers) {
    Table scores = new Table(
        "task", "score before", "lora", "thanora", "merged", "nll before", "lora", "thanora");
    thanora.tasks().forEach((name, task) -> {
      RunSummary.TaskResult plain = lora.tasks().get(name);
      scores.row(name, Scores.number(task.before()), Scores.number(plain.after()),
          Scores.number(task.after()), Scores.number(report.merged().get(name).score()),
          Scores.number(task.nllBefore()), Scores.number(plain.nllAfter()), Scores.number(task.nllAfter()));
    });
    double mergedMean = report.merged().values().stream().mapToDouble(s -> s.score()).average().orElseThrow();
    scores.row("mean", Scores.number(thanora.mean().before()), Scores.number(lora.mean().after()),
        Scores.number(thanora.mean().after()), Scores.number(mergedMean),
        Scores.number(thanora.mean().nllBefore()), Scores.number(lora.mean().nllAfter()),
        Scores.number(thanora.mean().nllAfter()));
    Table examples = new Table("prompt", "expected", "before", "after");
    answers.forEach(row -> examples.row(shown(row.prompt()), shown(row.expected()),
        shown(row.before().answer()), shown(row.after().answer())));
    return String.format(Locale.ROOT, "%n%s%n%nmerged logits differ from the adapter's by %.1e of the largest%n%n%s",
        scores, report.maxLogitDifference(), examples);
  }

  /** A text in one short line; empty where there is none. */
  private static String shown(String text) {
    if (text == null) {
      return "";
    }
    String line = text.strip().replace('\n', ' ');
    return line.length() <= 40 ? line : line.substring(0, 37) + "...";
  }
}
