package thanora.fused;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.LoraAdapter;
import thanora.model.Angles;
import thanora.model.Decoder;
import thanora.model.LayerParts;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.SideStream;
import thanora.tensor.Tensors;

/** Layers one after another that an adapter is on in the same way; their weights are stacked. */
final class LayerRun {
  private final LoraAdapter adapter;
  private final List<StackedWeights> weights; // query key value, output, gate up, down
  private final List<FusedLayer> layers = new ArrayList<>();
  private long version = -1; // of the adapter's factors in the weights

  /**
   * Takes over the weights of the layers.
   *
   * @param plan of each layer
   * @param side where gradients of adapters may be made beside those of inputs
   * @param large values of an input from which on they are
   */
  LayerRun(Decoder model, List<LayerPlan> plan, Optional<SideStream> side, long large) {
    this.adapter = plan.get(0).adapter();
    this.weights = IntStream.range(0, LayerPlan.KINDS).mapToObj(kind -> {
      List<List<String>> names = plan.stream().map(layer -> layer.names().get(kind)).toList();
      return new StackedWeights(model, adapter, names, LayerPlan.series(plan, kind).orElseThrow());
    }).toList();
    Kernels kernels = Kernels.of(model.placement());
    boolean exact = model.placement().dtype() == DType.F64;
    Tensor rstdType = Tensors.empty(exact ? model.placement() : model.placement().with(DType.F32), 0);
    for (int i = 0; i < plan.size(); i++) {
      LayerParts parts = plan.get(i).parts();
      layers.add(new FusedLayer(kernels,
          parts.beforeAttention(), new FusedAttention(kernels, i, parts.attention(), weights.get(0), weights.get(1)),
          parts.beforeFeedForward(), new FusedFeedForward(kernels, i, parts.activation(), weights.get(2), weights.get(3)),
          weights.get(0).of(i).isAdapted() || weights.get(1).of(i).isAdapted(), rstdType, side, large));
    }
  }

  /** The layer of that number among these, (N, D) → (N, D), recorded. */
  Tensor apply(int index, Tensor x, TokenBatch batch, Optional<Angles> angles, Tape tape) {
    if (version != adapter.version()) {
      weights.forEach(StackedWeights::refresh);
      version = adapter.version();
    }
    return layers.get(index).apply(x, batch, angles, tape, () -> {
      if (index == 0 && batch.endsWhole()) { // the last one of a backward pass
        weights.forEach(stacked -> stacked.addGradients(batch));
      }
    });
  }

  /** Frees what a backward pass that failed left. */
  void forget() {
    weights.forEach(StackedWeights::forgetGradients);
  }
}
