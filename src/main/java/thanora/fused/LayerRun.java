package thanora.fused;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.LoraAdapter;
import thanora.model.Angles;
import thanora.model.LayerParts;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Placement;
import thanora.tensor.SideStream;
import thanora.tensor.Tensors;

/** Layers one after another that are bare, or that adapters are on in the same way; their weights are stacked. */
final class LayerRun {
  private final List<LoraAdapter> adapters;
  private final List<StackedWeights> weights; // query key value, output, gate up, down
  private final List<FusedLayer> layers = new ArrayList<>();
  private final List<Long> widths;
  private List<Long> versions = List.of(); // of the adapters' factors in the weights

  /**
   * Takes over the weights of the layers.
   *
   * @param plan of each layer
   * @param side where gradients of adapters may be made beside those of inputs
   * @param large values of an input from which on they are
   */
  LayerRun(Placement placement, List<LayerPlan> plan, Optional<SideStream> side, long large) {
    this.adapters = plan.get(0).adapters();
    this.weights = IntStream.range(0, LayerPlan.KINDS)
        .mapToObj(kind -> new StackedWeights(placement, plan, kind)).toList();
    this.widths = weights.stream().flatMap(stacked -> stacked.widths().stream()).toList();
    Kernels kernels = Kernels.of(placement);
    Tensor rstdType = Tensors.empty(placement.dtype() == DType.F64 ? placement : placement.with(DType.F32), 0);
    for (int i = 0; i < plan.size(); i++) {
      LayerParts parts = plan.get(i).parts();
      layers.add(new FusedLayer(kernels, parts.beforeAttention(),
          new FusedAttention(kernels, plan.get(i).number(), i, parts.attention(), weights.get(0), weights.get(1)),
          parts.beforeFeedForward(), new FusedFeedForward(kernels, i, parts.activation(), weights.get(2), weights.get(3)),
          weights.get(0).of(i).isAdapted() || weights.get(1).of(i).isAdapted(), rstdType, side, large));
    }
  }

  /** The layer of that number among these, (N, D) → (N, D), recorded. */
  Tensor apply(int index, Tensor x, TokenBatch batch, Optional<Angles> angles, Tape tape) {
    refresh();
    return layers.get(index).apply(x, batch, angles, tape, () -> {
      if (index == 0 && batch.endsWhole()) { // the last one of a backward pass
        weights.forEach(stacked -> stacked.addGradients(batch));
      }
    });
  }

  /** The same, recorded nowhere; the result lies in the rooms. */
  Tensor apply(int index, Tensor x, TokenBatch batch, Optional<Angles> angles, FusedLayer.Rooms rooms) {
    refresh();
    return layers.get(index).apply(x, batch, angles, rooms);
  }

  private void refresh() {
    List<Long> now = adapters.stream().map(LoraAdapter::version).toList();
    if (!versions.equals(now)) {
      try (NoGrad off = NoGrad.open()) {
        weights.forEach(StackedWeights::refresh);
      }
      versions = now;
    }
  }

  /** Frees what a backward pass that failed left. */
  void forget() {
    weights.forEach(StackedWeights::forgetGradients);
  }

  /** Widths of its layers' rooms. */
  List<Long> widths() {
    return widths;
  }

  /** Rooms of these widths for so many tokens. */
  FusedLayer.Rooms rooms(long tokens) {
    return layers.get(0).rooms(tokens);
  }
}
