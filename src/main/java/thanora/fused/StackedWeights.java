package thanora.fused;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.LoraAdapter;
import thanora.lora.LoraSeries;
import thanora.lora.TaskGradients;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.Into;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
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
  private final List<Map> maps;
  private final List<StackedLinear> layers = new ArrayList<>();
  private final Optional<Tensor> choice; // (tasks, rows): 1 where a token of the task uses a row
  private Tensor gradientsOfA; // (n, tasks, rows, in); all tasks as one where they are not kept apart
  private Tensor gradientsOfBt; // (n, tasks, rows, out)

  /**
   * A map that an adapter is on.
   *
   * @param task whose tokens use it, where tasks choose
   * @param row its first row of A' among all
   * @param from its first output
   * @param width its outputs
   */
  private record Map(LoraAdapter adapter, LoraSeries series, int task, int row, int from, int width) {}

  /**
   * Takes over the weights.
   *
   * @param plans of the layers, which are alike
   * @param kind which of their inputs
   */
  StackedWeights(Placement placement, List<LayerPlan> plans, int kind) {
    LayerPlan first = plans.get(0);
    List<Tensor> weights = first.weights(kind);
    this.maps = new ArrayList<>();
    int used = 0;
    for (LoraAdapter adapter : first.adapters()) {
      List<Optional<LoraSeries>> series = LayerPlan.series(plans, kind, adapter).orElseThrow();
      int task = first.adapters().indexOf(adapter) + 1;
      int out = 0;
      for (int i = 0; i < weights.size(); i++) {
        int width = (int) weights.get(i).size(0);
        if (series.get(i).isPresent()) {
          maps.add(new Map(adapter, series.get(i).get(), task, used, out, width));
          used += adapter.exportRank();
        }
        out += width;
      }
    }
    this.rows = LayerPlan.rows(used);
    long in = weights.get(0).size(1);
    long out = weights.stream().mapToLong(weight -> weight.size(0)).sum();
    this.all = Tensors.zeros(placement, plans.size(), out + rows, in + rows);
    for (int layer = 0; layer < plans.size(); layer++) {
      Tensor e = all.select(0, layer);
      take(plans.get(layer).weights(kind), Ops.narrow(e, 1, 0, in));
      layers.add(new StackedLinear(e, rows, bias(plans.get(layer).biases(kind))));
    }
    this.choice = first.chosen() && rows > 0 ? Optional.of(choice(first.adapters().size() + 1)) : Optional.empty();
  }

  private Tensor choice(int tasks) {
    float[] uses = new float[tasks * rows];
    for (Map map : maps) {
      int from = map.task * rows + map.row;
      Arrays.fill(uses, from, from + map.adapter.exportRank(), 1);
    }
    return Tensors.to(Tensors.of(uses, tasks, rows), Tensors.placement(all));
  }

  /** Moves the weights of a layer's maps into the left columns of its matrix. */
  private static void take(List<Tensor> weights, Tensor left) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      int from = 0;
      for (Tensor weight : weights) {
        Tensor place = Ops.narrow(left, 0, from, weight.size(0));
        place.copy_(weight);
        Tensors.move(weight, place);
        from += (int) weight.size(0);
      }
    }
  }

  private static Optional<Tensor> bias(List<Tensor> parts) {
    return parts.isEmpty() ? Optional.empty()
        : Optional.of(parts.size() == 1 ? parts.get(0) : Ops.cat(0, parts.toArray(Tensor[]::new)));
  }

  /** The maps of one of the layers. */
  StackedLinear of(int layer) {
    return layers.get(layer);
  }

  /** Widths of input, output and h: rooms serve all maps that these are equal of. */
  List<Long> widths() {
    return List.of(in(), out(), (long) rows);
  }

  /** Writes y of a layer's maps for a room that x is in, and h there; h of adapters that are not chosen becomes 0. */
  void apply(int layer, StackedLinear.Room room, TokenBatch batch, Tensor y) {
    share(layer, room, batch);
    of(layer).apply(room.whole(), y);
  }

  /** sum += y, likewise. */
  void addInPlace(int layer, StackedLinear.Room room, TokenBatch batch, Tensor sum) {
    share(layer, room, batch);
    of(layer).addInPlace(sum, room.whole());
  }

  private void share(int layer, StackedLinear.Room room, TokenBatch batch) {
    of(layer).share(room);
    choice.ifPresent(uses -> Ops.mulInPlace(room.h(), batch.onlyTask().isPresent()
        ? Ops.narrow(uses, 0, batch.onlyTask().getAsInt(), 1) : batch.perToken(uses)));
  }

  /** Copies the adapters' effective factors in. */
  void refresh() {
    for (Map map : maps) {
      Tensor a = map.series.a();
      Tensor bt = map.series.bt();
      Ops.narrow(Ops.narrow(all, 1, out() + map.row, a.size(1)), 2, 0, in()).copy_(a);
      Tensor b = Ops.narrow(Ops.narrow(all, 1, map.from, map.width), 2, in() + map.row, bt.size(1));
      Into.scale(Ops.transposeLast(b), bt, map.adapter.scaling());
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
    LoraAdapter adapter = maps.get(0).adapter; // one for all, where there are gradients
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
    for (Map map : maps) {
      LoraAdapter adapter = map.adapter;
      boolean byTask = adapter.byTask(batch);
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
