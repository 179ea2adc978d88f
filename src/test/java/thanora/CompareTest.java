package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.compare.ComparisonResult;
import thanora.train.StoppedException;

/** Comparisons on the shipped model. */
class CompareTest {
  private static final String ALL_OPTIONS =
      "c=thanora[train.loss=task;train.loraplus_lr_ratio=4;spr.between=rows;spr.schedule=cosine;lr=2e-3]";
  private static final String METHODS =
      "lora,thanora,dora,ortho-lora[lr=2e-3],mtl-lora,ties,b=thanora[hasi.b=0;lr=1e-3|4e-3],"
          + ALL_OPTIONS;

  @TempDir static Path shared;
  private static Recipe recipe;
  private static Path whole;
  private static ComparisonResult result;
  private static final List<String> notes = new ArrayList<>();

  @TempDir Path folder;

  @BeforeAll
  static void oneComparison() throws IOException {
    Path data = SmallRun.data(shared.resolve("data"));
    recipe = Compare.prepared(SmallRun.recipe(data, "train.validation_rows=4"));
    whole = shared.resolve("run");
    result = run(recipe, whole, false, new RunListener() {
      @Override
      public void note(String line) {
        notes.add(line);
      }
    });
  }

  private static Compare.Request request(Recipe recipe) {
    return new Compare.Request(
        recipe, Contestant.parse(recipe, METHODS), List.of(1e-3, 3e-3), List.of(0L, 1L), 9, false, true,
        "thanora compare");
  }

  private static ComparisonResult run(Recipe recipe, Path folder, boolean resume, RunListener listener) {
    return run(request(recipe), folder, resume, listener);
  }

  private static ComparisonResult run(
      Compare.Request request, Path folder, boolean resume, RunListener listener) {
    try (RunFolder run = RunFolder.create(folder, resume, note -> {})) {
      return Compare.run(request, run, listener);
    }
  }

  private static double nll(ComparisonResult.Method method, int seed, int task) {
    return Arrays.stream(method.runs().get(seed).rowNll()[task]).sum()
        / Arrays.stream(result.tasks().get(task).rowTokens()).sum();
  }

  @Test
  void everyMethodIsThereWithTheRateThatIsBestOnValidationRows() throws IOException {
    assertThat(result.methods()).extracting(ComparisonResult.Method::name).containsExactly(
        "base", "lora", "thanora", "dora", "ortho-lora", "mtl-lora", "ties", "b", "c", "lora-per-task");
    assertThat(result.reference()).isEqualTo("lora");
    for (ComparisonResult.Method method : result.methods()) {
      if (method.sweep().isEmpty()) {
        continue;
      }
      double best = method.sweep().stream().mapToDouble(ComparisonResult.RatePoint::learningRate).distinct()
          .boxed().min((a, b) -> Double.compare(mean(method, a), mean(method, b))).orElseThrow();
      assertThat(method.learningRate()).as(method.name()).isEqualTo(best);
      assertThat(method.runs()).extracting(ComparisonResult.Run::seed).containsExactly(0L, 1L);
    }
    assertThat(result.method("b").orElseThrow().sweep()).hasSize(4)
        .extracting(ComparisonResult.RatePoint::learningRate).containsOnly(1e-3, 4e-3);
    assertThat(result.method("mtl-lora").orElseThrow().needsTaskId()).isTrue();
    assertThat(result.method("ties").orElseThrow().merges()).isTrue();
    for (ComparisonResult.Run run : result.method("ties").orElseThrow().runs()) {
      assertThat(notes).anyMatch(note -> note.startsWith("ties, seed " + run.seed() + ": factor " + run.mergeFactor()));
    }
    assertThat(result.method("lora-per-task").orElseThrow().runs())
        .extracting(ComparisonResult.Run::mergeFactor).containsOnly(Double.NaN);
    assertThat(result.conflicts()).isPresent();
    assertThat(ComparisonResult.read(whole.resolve("compare.json"))).isEqualTo(result);
    assertThat(whole.resolve("compare.html")).content().contains("thanora").contains("</html>");
    assertThat(whole.resolve("compare.md")).content().contains("| thanora");
  }

  private static double mean(ComparisonResult.Method method, double rate) {
    return method.sweep().stream().filter(point -> point.learningRate() == rate)
        .mapToDouble(ComparisonResult.RatePoint::mean).average().orElseThrow();
  }

  /** The same recipe alone, through the main path, comes to the same losses on the same test rows. */
  @Test
  void aMethodComesToWhatItComesToAlone() {
    for (String method : List.of("lora", "thanora", "dora", ALL_OPTIONS)) {
      Contestant contestant = Contestant.parse(recipe, method).get(0);
      ComparisonResult.Method compared = result.method(contestant.name()).orElseThrow();
      Recipe alone = contestant.run(compared.learningRate(), 0);
      RunSummary summary = SmallRun.run(alone, folder.resolve(contestant.name()), false);
      for (int task = 0; task < 2; task++) {
        double single = summary.tasks().get(result.tasks().get(task).name()).nllAfter();
        assertThat(nll(compared, 0, task)).as(method).isCloseTo(single, within(1e-4 * single));
      }
    }
  }

  @Test
  void trainingLowersTheLossOfEveryMethod() {
    ComparisonResult.Method base = result.method("base").orElseThrow();
    for (ComparisonResult.Method method : result.methods()) {
      for (int seed = 0; seed < method.runs().size() && method != base; seed++) {
        assertThat(nll(method, seed, 1)).as(method.name()).isLessThan(nll(base, 0, 1));
      }
    }
  }

  /** Stops when a stage begins that is named so, at the given one of them. */
  private static RunListener stoppingAt(String stage, int nth) {
    return new RunListener() {
      private int stages;

      @Override
      public void stage(String name, long total) {
        if (name.startsWith(stage) && ++stages == nth) {
          throw new StoppedException("gone");
        }
      }
    };
  }

  @Test
  @Tag("slow")
  void aComparisonThatStoppedGoesOnToTheSameBytes() throws IOException {
    RunListener stopping = stoppingAt("train", 3);
    assertThatThrownBy(() -> run(recipe, folder.resolve("r"), false, stopping)).hasMessage("gone");
    run(recipe, folder.resolve("r"), true, RunListener.SILENT);
    assertThat(folder.resolve("r/compare.json")).hasSameBinaryContentAs(whole.resolve("compare.json"));
    assertThat(Files.exists(folder.resolve("r/groups/group0/checkpoints"))).isFalse();
  }

  /** Gone after a step is logged, before it is saved: what a kill leaves. */
  @Test
  @Tag("slow")
  void aComparisonKilledWithinAGroupKeepsItsGradientConflicts() throws IOException {
    Recipe saving = recipe.with("train.save_steps=2");
    RunListener killed = new RunListener() {
      @Override
      public void trained(long step, Map<String, Double> losses) {
        if (step == 3) {
          throw new IllegalStateException("killed");
        }
      }
    };
    assertThatThrownBy(() -> run(saving, folder.resolve("r"), false, killed)).hasMessage("killed");
    assertThat(folder.resolve("r/groups/group0/checkpoints/step-000002")).exists();
    ComparisonResult gone = run(saving, folder.resolve("r"), true, RunListener.SILENT);
    assertThat(gone.conflicts().orElseThrow().steps()).containsExactly(1L, 2L, 3L, 4L);
    assertThat(folder.resolve("r/compare.json")).hasSameBinaryContentAs(whole.resolve("compare.json"));
  }

  @Test
  void anotherComparisonIsNotGoneOnWith() {
    Compare.Request other = new Compare.Request(
        recipe, Contestant.parse(recipe, "lora"), List.of(1e-3), List.of(0L), 9, false, true, "thanora compare");
    try (RunFolder run = RunFolder.create(whole, true, note -> {})) {
      assertThatThrownBy(() -> Compare.run(other, run, RunListener.SILENT)).isInstanceOf(RecipeException.class)
          .hasMessage("run folder " + whole
              + ": holds another comparison; resume with the same recipe, methods, sweep and seeds");
    }
  }

  @Test
  void comparisonsOfLikeRowsAreJoined() {
    ComparisonResult first = with("lora", "thanora");
    ComparisonResult second = with("dora", "mtl-lora");
    ComparisonResult joined = ComparisonResult.joined(List.of(first, second), "lora");
    assertThat(joined.methods()).extracting(ComparisonResult.Method::name)
        .containsExactly("lora", "thanora", "dora", "mtl-lora");
    assertThat(joined.method("dora").orElseThrow().runs()).isEqualTo(result.method("dora").orElseThrow().runs());
    ComparisonResult longer = new ComparisonResult("", "", "", "", 99, 4, first.seeds(), first.tasks(), "lora",
        first.methods(), first.conflicts());
    assertThatThrownBy(() -> ComparisonResult.joined(List.of(first, longer), "lora"))
        .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("join only like ones");
  }

  private static Compare.Request byLoss(Long... seeds) {
    Recipe loss = recipe.with("eval.generate=false");
    return new Compare.Request(
        loss, Contestant.parse(loss, "lora,ties"), List.of(3e-3), List.of(seeds), 9, false, false, "thanora compare");
  }

  @Test
  void aComparisonByLossAloneIsWholeResumedAndJoinedOfItsSeeds() throws IOException {
    ComparisonResult both = run(byLoss(0L, 1L), folder.resolve("both"), false, RunListener.SILENT);
    assertThat(both.method("base").orElseThrow().runs().get(0).rowNll())
        .isDeepEqualTo(result.method("base").orElseThrow().runs().get(0).rowNll());
    assertThat(both.methods()).flatExtracting(ComparisonResult.Method::runs)
        .extracting(run -> ((ComparisonResult.Run) run).rowScore().length).hasSize(7).containsOnly(0);
    assertThat(both.conflicts()).isEmpty();
    assertThat(ComparisonResult.read(folder.resolve("both/compare.json"))).isEqualTo(both);
    for (String file : List.of("compare.md", "compare.html")) {
      assertThat(folder.resolve("both").resolve(file)).content()
          .contains("ties").doesNotContainIgnoringCase("score").doesNotContain(" NaN", ">NaN", "n/a");
    }

    assertThatThrownBy(() -> run(byLoss(0L, 1L), folder.resolve("r"), false, stoppingAt("score group", 2)))
        .hasMessage("gone");
    run(byLoss(0L, 1L), folder.resolve("r"), true, RunListener.SILENT);
    assertThat(folder.resolve("r/compare.json")).hasSameBinaryContentAs(folder.resolve("both/compare.json"));

    ComparisonResult joined = ComparisonResult.joined(List.of(
        run(byLoss(1L), folder.resolve("one"), false, RunListener.SILENT),
        run(byLoss(0L), folder.resolve("zero"), false, RunListener.SILENT)), "lora");
    assertThat(joined.seeds()).containsExactly(0L, 1L);
    for (ComparisonResult.Method method : joined.methods()) {
      assertThat(method.runs()).as(method.name()).isEqualTo(both.method(method.name()).orElseThrow().runs());
      assertThat(method.sweep()).as(method.name())
          .containsExactlyInAnyOrderElementsOf(both.method(method.name()).orElseThrow().sweep());
    }
  }

  private static ComparisonResult with(String... names) {
    return new ComparisonResult("", "", "", "", result.steps(), result.batchSize(), result.seeds(), result.tasks(),
        names[0], Arrays.stream(names).map(name -> result.method(name).orElseThrow()).toList(), result.conflicts());
  }

  @Test
  void contestantsAreReadWithTheirChanges() {
    List<Contestant> two = Contestant.parse(recipe, "pissa[lr=1e-3|2e-3], no-spr=thanora[spr.lambda=0;hasi.tau=2]");
    assertThat(two).extracting(Contestant::name).containsExactly("pissa", "no-spr");
    assertThat(two.get(0).rates()).containsExactly(1e-3, 2e-3);
    assertThat(two.get(1).recipe().spr().lambda()).isZero();
    assertThat(two.get(1).recipe().hasi().tau()).isEqualTo(2);
    assertThat(Contestant.parse(recipe, "thanora-paper").get(0).recipe().hasi().split())
        .isEqualTo(Recipe.Split.BALANCED);
  }

  @Test
  void faultsOfContestantsAreNamedAllAtOnce() {
    assertThatThrownBy(() -> Contestant.parse(recipe, "lorra,lora,lora,dora[lr=0],thanora[spr.lamda=1]"))
        .isInstanceOf(RecipeException.class)
        .hasMessageContaining("--methods lorra: lorra is not one of ").hasMessageContaining("did you mean lora?")
        .hasMessageContaining("--methods: lora appears twice; give one a name, as in b=lora")
        .hasMessageContaining("--methods dora[lr=0]: learning rate 0 is not a number greater than 0")
        .hasMessageContaining("--methods thanora[spr.lamda=1]: spr.lamda: unknown key; did you mean spr.lambda?");
  }
}
