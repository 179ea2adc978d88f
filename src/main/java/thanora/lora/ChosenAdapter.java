package thanora.lora;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Decoder;
import thanora.model.Projection;
import thanora.model.TokenBatch;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;

/**
 * A linear layer whose adapter is chosen by a token's task: task 0 is the base alone, task i the i-th
 * adapter. W x once for all tokens, then each adapter's share of its own. For answering, not for training.
 *
 * @param inner the layer adapted
 * @param adapters of one member each
 */
public record ChosenAdapter(Projection inner, String module, List<Adapter> adapters) implements Projection {
  /** Puts adapters into the model; they may adapt different layers and be of different forms. */
  public static void attach(Decoder model, List<Adapter> adapters) {
    TensorScope.outside(() -> {
      for (String module : model.projectionNames()) {
        if (adapters.stream().anyMatch(adapter -> adapter.modules().contains(module))) {
          model.replace(module, inner -> new ChosenAdapter(inner, module, List.copyOf(adapters)));
        }
      }
      return adapters;
    });
    adapters.forEach(Adapter::refresh);
  }

  @Override
  public Tensor apply(Tensor x, TokenBatch batch) {
    Tensor wx = inner.product(x);
    int[] starts = batch.taskStarts(adapters.size() + 1);
    for (int task = 1; task <= adapters.size(); task++) {
      Adapter adapter = adapters.get(task - 1);
      int tokens = starts[task + 1] - starts[task];
      if (tokens > 0 && adapter.modules().contains(module)) {
        Tensor own = Ops.narrow(wx, 0, starts[task], tokens);
        Tensor input = Ops.narrow(x, 0, starts[task], tokens);
        own.copy_(adapter.apply(adapter.site(module), input, own, inner.bias(), batch));
      }
    }
    return wx;
  }

  @Override
  public Optional<Tensor> bias() {
    return inner.bias();
  }

  @Override
  public Tensor weight() {
    return inner.weight();
  }
}
