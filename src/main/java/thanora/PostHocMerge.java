package thanora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import thanora.compare.ComparisonResult;
import thanora.data.TaskSet;
import thanora.lora.Adapter;
import thanora.lora.Blocks;
import thanora.lora.LoraAdapter;
import thanora.merging.TaskLora;
import thanora.model.Decoder;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Makes one change of weights of the LoRAs of several tasks, and scores the merged model. How much of
 * the change is added is chosen on the validation rows.
 */
final class PostHocMerge {
  /** Factors of the merged change that are tried. */
  private static final double[] FACTORS = {0.3, 0.6, 1, 1.5, 2.5};

  private final Contestant contestant;
  private final LoadedModel model;
  private final TaskSet tasks;
  private final Compare.RowScorer scorer;

  PostHocMerge(Contestant contestant, LoadedModel model, TaskSet tasks, Compare.RowScorer scorer) {
    this.contestant = contestant;
    this.model = model;
    this.tasks = tasks;
    this.scorer = scorer;
  }

  String name() {
    return contestant.name();
  }

  /** Scores of a member of an adapter that holds one LoRA a task. */
  ComparisonResult.Run score(Adapter perTask, int member, long seed, RunListener listener) {
    Decoder decoder = model.decoder();
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      Map<String, Tensor> changes = new LinkedHashMap<>();
      for (String module : perTask.modules()) {
        changes.put(module, TensorScope.keep(() -> Tensors.to(
            contestant.merge().orElseThrow().delta(loras((LoraAdapter) perTask, module, member), module),
            decoder.placement())));
        listener.advanced(changes.size());
      }
      double best = FACTORS[0];
      double least = Double.POSITIVE_INFINITY;
      for (double factor : FACTORS) {
        double nll = with(changes, factor, () -> Arrays.stream(scorer.validation(1)[0]).average().orElse(Double.NaN));
        if (nll < least) {
          least = nll;
          best = factor;
        }
      }
      listener.note(name() + ", seed " + seed + ": factor " + best + " of " + Arrays.toString(FACTORS)
          + " is best on the validation rows");
      return with(changes, best, () -> scorer.test(1, new long[] {seed}, done -> {}).get(0))
          .withMergeFactor(best);
    }
  }

  /** Runs something on the weights changed by a factor of the changes. */
  private <T> T with(Map<String, Tensor> changes, double factor, Supplier<T> body) {
    Decoder decoder = model.decoder();
    try (TensorScope scope = TensorScope.open()) {
      Map<String, Tensor> changed = new LinkedHashMap<>();
      changes.forEach((module, change) -> changed.put(
          module, Ops.add(decoder.projection(module).weight(), Ops.scale(change, factor))));
      return decoder.with(changed, body);
    }
  }

  private List<TaskLora> loras(LoraAdapter adapter, String module, int member) {
    LoraAdapter.Export all = adapter.export(module, member);
    Blocks blocks = adapter.routes().orElseThrow();
    List<TaskLora> loras = new ArrayList<>();
    for (int task = 0; task < tasks.tasks().size(); task++) {
      loras.add(new TaskLora(Ops.narrow(all.a(), 0, blocks.start(task), blocks.rank(task)),
          Ops.narrow(all.b(), 1, blocks.start(task), blocks.rank(task)), adapter.scaling()));
    }
    return loras;
  }
}
