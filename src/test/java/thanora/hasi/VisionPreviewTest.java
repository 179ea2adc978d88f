package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.Golden;
import thanora.Pico;
import thanora.Seeing;
import thanora.checkpoint.SafetensorsFile;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.lora.LoraAdapter;
import thanora.lora.SprConfig;
import thanora.method.AdapterMethod;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.model.Projection;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** The preview of a model that sees images, stage by stage, against one forward pass over everything. */
class VisionPreviewTest {
  @ParameterizedTest
  @CsvSource({"llava, false", "llava, true", "llava-siglip, false", "smolvlm, false", "smolvlm, true"})
  void momentsAreThoseOfAWholePass(String name, boolean byTask) {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected(name); NoGrad off = NoGrad.open()) {
      Decoder model = Seeing.load(name, Optional.empty());
      List<List<Sample>> rows = Seeing.samples(expected).stream().map(List::of).toList();
      Map<String, Map<Integer, double[]>> found = new HashMap<>();
      PreviewPass pass = new PreviewPass(model, HasiConfig.thanora().preview(), model.projectionNames());
      if (byTask) {
        pass.runByTask(rows, (stage, task, inputs) -> take(inputs, List.of(task), found));
      } else {
        pass.run(rows, (stage, inputs) -> take(inputs, List.of(0, 1, 2), found));
      }
      Set<String> first = new HashSet<>();
      IntStream.range(0, model.stages()).forEach(stage -> model.stageInputs(stage).forEach(together -> first.add(together.get(0))));
      for (int task = 0; task < 3; task++) {
        Map<String, double[]> whole = whole(model, rows.get(task), first);
        for (String module : first) {
          double[] own = found.get(module).get(task);
          if (whole.containsKey(module)) {
            Golden.assertClose(module, own, whole.get(module), byTask ? 1e-4 : 1e-6);
          } else {
            assertThat(task).isZero();
            assertThat(own).containsOnly(0);
          }
        }
      }
    }
  }

  private static void take(
      List<PreviewPass.SharedInput> inputs, List<Integer> tasks, Map<String, Map<Integer, double[]>> found) {
    for (PreviewPass.SharedInput input : inputs) {
      for (int i = 0; i < tasks.size(); i++) {
        found.computeIfAbsent(input.modules().get(0), module -> new HashMap<>())
            .put(tasks.get(i), Tensors.doubles(input.byTask().get(i).normalised(0)));
      }
    }
  }

  /** Moments of what enters these modules in a forward pass over the rows. */
  private static Map<String, double[]> whole(Decoder model, List<Sample> rows, Set<String> modules) {
    Map<String, List<Tensor>> seen = new HashMap<>();
    modules.forEach(module -> model.replace(module, inner -> new Watched(inner, seen.computeIfAbsent(module, m -> new ArrayList<>()))));
    model.hidden(Pico.tokens(Batch.of(rows, 3)));
    modules.forEach(module -> model.replace(module, watched -> ((Watched) watched).inner));
    Map<String, double[]> moments = new HashMap<>();
    seen.forEach((module, inputs) -> inputs.forEach(x -> {
      Tensor wide = Tensors.cast(x, DType.F64);
      Tensor m = Ops.matmul(Ops.transpose(wide), wide);
      moments.put(module, Tensors.doubles(Ops.scale(m, m.size(0) / Ops.trace(m))));
    }));
    return moments;
  }

  private record Watched(Projection inner, List<Tensor> seen) implements Projection {
    @Override
    public Tensor apply(Tensor x, TokenBatch batch) {
      seen.add(TensorScope.outside(() -> Tensors.copy(x)));
      return inner.apply(x, batch);
    }

    @Override
    public Tensor weight() {
      return inner.weight();
    }
  }

  /** A task of text alone has no rows in layers that only images pass, and all of r is given out all the same. */
  @Test
  void textHasNoRowsInTheTower() {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected("llava")) {
      Decoder model = Seeing.load("llava", Optional.empty());
      List<List<Sample>> rows = Seeing.samples(expected).stream().map(List::of).toList();
      AdapterMethod.Setting setting = new AdapterMethod.Setting(
          model, List.copyOf(model.projectionNames()), List.of("text", "one", "two"), rows, 8, 16, 1, "print",
          Optional.empty(), done -> {});
      AdapterMethod method = new Thanora("thanora", HasiConfig.thanora(), SprConfig.thanora());
      LoraAdapter adapter = (LoraAdapter) method.empty(setting);
      RankPlan plan = method.start(setting, adapter, 0).orElseThrow();
      assertThat(plan.modules()).extracting(ModulePlan::name).containsExactlyElementsOf(model.projectionNames());
      for (ModulePlan module : plan.modules()) {
        int[] ranks = module.blocks().taskRanks();
        assertThat(IntStream.of(ranks).sum() + module.blocks().coopRank()).as(module.name()).isEqualTo(8);
        assertThat(ranks[0] == 0).as(module.name()).isEqualTo(!module.name().contains("language_model"));
      }
      List<Sample> all = Seeing.samples(expected);
      double[] base = Tensors.doubles(Pico.logits(model, Batch.of(all, 3)));
      adapter.attach(model);
      Golden.assertClose("step 0", Tensors.doubles(Pico.logits(model, Batch.of(all, 3))), base, 1e-6);
    }
  }
}
