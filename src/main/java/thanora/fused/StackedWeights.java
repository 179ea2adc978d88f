package thanora.fused;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.LoraAdapter;
import thanora.lora.LoraSeries;
import thanora.lora.TaskGradients;
import thanora.model.Decoder;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.Into;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.SideStream;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The {@link StackedLinear}s of several layers, of one kind: their matrices lie one after another, so
 * that the adapters' factors get in, and their gradients out, by a call a map, not a call a layer.
 *
 * <p>The matrices are the memory of the frozen weights from now on: those of the model are views of it.
 */
final class StackedWeights {
  private final Tensor all; // (n, out + rows, in + rows)
  private final int rows;
  private final LoraAdapter adapter;
  private final List<Map> maps;
  private final List<StackedLinear> layers = new ArrayList<>();
  private Tensor gradientsOfA; // (n, tasks, rows, in); all tasks as one where they are not kept apart
  private Tensor gradientsOfBt; // (n, tasks, rows, out)

  /**
   * A map that an adapter is on.
   *
   * @param row its first row of A' among all
   * @param from its first output
   * @param width its outputs
   */
  private record Map(LoraSeries series, int row, int from, int width) {}

  /**
   * Takes over the weights.
   *
   * @param names of the maps, by layer; each the same in all layers but for the layer's number
   * @param series the adapter's modules at each map, where it is on it
   */
  StackedWeights(Decoder model, LoraAdapter adapter, List<List<String>> names, List<Optional<LoraSeries>> series) {
    this.adapter = adapter;
    List<Map> found = new ArrayList<>();
    int out = 0;
    int used = 0;
    for (int i = 0; i < series.size(); i++) {
      int width = (int) model.projection(names.get(0).get(i)).weight().size(0);
      if (series.get(i).isPresent()) {
        found.add(new Map(series.get(i).get(), used, out, width));
        used += adapter.exportRank();
      }
      out += width;
    }
    this.maps = List.copyOf(found);
    this.rows = LayerPlan.rows(maps.size(), adapter.exportRank());
    int in = (int) model.projection(names.get(0).get(0)).weight().size(1);
    this.all = Tensors.zeros(model.placement(), names.size(), out + rows, in + rows);
    for (int layer = 0; layer < names.size(); layer++) {
      Tensor e = all.select(0, layer);
      take(model, names.get(layer), Ops.narrow(e, 1, 0, in));
      layers.add(new StackedLinear(e, rows, bias(model, names.get(layer))));
    }
  }

  /** Moves the weights of a layer's maps into the left columns of its matrix. */
  private static void take(Decoder model, List<String> names, Tensor left) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      int from = 0;
      for (String name : names) {
        Tensor weight = model.projection(name).weight();
        Tensor place = Ops.narrow(left, 0, from, weight.size(0));
        place.copy_(weight);
        Tensors.move(weight, place);
        from += (int) weight.size(0);
      }
    }
  }

  private static Optional<Tensor> bias(Decoder model, List<String> names) {
    Tensor[] parts = names.stream().flatMap(name -> model.projection(name).bias().stream()).toArray(Tensor[]::new);
    return parts.length == 0 ? Optional.empty() : Optional.of(parts.length == 1 ? parts[0] : Ops.cat(0, parts));
  }

  /** The maps of one of the layers. */
  StackedLinear of(int layer) {
    return layers.get(layer);
  }

  /** Copies the adapter's effective factors in. */
  void refresh() {
    for (Map map : maps) {
      Tensor a = map.series.a();
      Tensor bt = map.series.bt();
      Ops.narrow(Ops.narrow(all, 1, out() + map.row, a.size(1)), 2, 0, in()).copy_(a);
      Tensor b = Ops.narrow(Ops.narrow(all, 1, map.from, map.width), 2, in() + map.row, bt.size(1));
      Into.scale(Ops.transposeLast(b), bt, adapter.scaling());
    }
  }

  /** Width of the input. */
  long in() {
    return all.size(2) - rows;
  }

  private long out() {
    return all.size(1) - rows;
  }

  /**
   * Takes the gradients of a layer's factors, or those of a part of the batch, which add up in float32; see
   * {@link StackedLinear#gradients}.
   *
   * @param side where they are made, if not in turn; the caller joins it
   */
  void gradients(int layer, Tensor room, Tensor x, Tensor h, TokenBatch batch, Optional<SideStream> side) {
    if (rows == 0) {
      return;
    }
    Optional<TaskGradients> apart = adapter.byTask(batch) ? adapter.taskGradients() : Optional.empty();
    if (gradientsOfA == null) {
      long tasks = apart.map(TaskGradients::tasks).orElse(1);
      gradientsOfA = TensorScope.retain(sums(batch, all.size(0), tasks, rows, in()));
      gradientsOfBt = TensorScope.retain(sums(batch, all.size(0), tasks, rows, out()));
    }
    StackedLinear.TokenProducts products = apart.isPresent()
        ? (to, left, right) -> apart.get().products(to, left, right, batch)
        : (to, left, right) -> Into.matmul(to.select(0, 0), Ops.transpose(left), right);
    Tensor ofA = gradientsOfA.select(0, layer);
    Tensor ofBt = gradientsOfBt.select(0, layer);
    Runnable work =
        () -> of(layer).gradients(batch.isPart() ? added(products) : products, room, x, h, ofA, ofBt);
    side.ifPresentOrElse(stream -> stream.run(work), work);
  }

  private Tensor sums(TokenBatch batch, long... shape) {
    boolean widen = DType.of(all).bytes() == 2;
    return !batch.isPart() ? Tensors.alike(all, shape)
        : Tensors.zeros(widen ? Tensors.placement(all).with(DType.F32) : Tensors.placement(all), shape);
  }

  private StackedLinear.TokenProducts added(StackedLinear.TokenProducts products) {
    return (to, left, right) -> {
      Tensor part = Tensors.alike(all, Tensors.shape(to));
      products.write(part, left, right);
      Ops.addInPlace(to, part);
    };
  }

  /** Adds the gradients of all layers to the adapter's. */
  void addGradients(TokenBatch batch) {
    if (gradientsOfA == null) {
      return;
    }
    boolean byTask = adapter.byTask(batch);
    for (Map map : maps) {
      map.series.addToA(Ops.narrow(gradientsOfA, 2, map.row, map.series.a().size(1)), byTask);
      Tensor ownRows = Ops.narrow(gradientsOfBt, 2, map.row, adapter.rank());
      map.series.addToBt(Ops.narrow(ownRows, 3, map.from, map.width), adapter.scaling(), byTask);
    }
    forgetGradients();
  }

  /** Frees the gradients that it holds, if any. */
  void forgetGradients() {
    if (gradientsOfA != null) {
      TensorScope.release(gradientsOfA);
      TensorScope.release(gradientsOfBt);
    }
    gradientsOfA = null;
    gradientsOfBt = null;
  }
}
