package thanora.fused;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.LoraAdapter;
import thanora.lora.LoraSeries;
import thanora.model.Decoder;
import thanora.model.LayerParts;
import thanora.model.Projection;
import thanora.tensor.DType;

/**
 * A decoder layer that the fast layer serves: its linear layers are bare, or have LoRAs of one
 * configuration without routes on them, the same ones.
 *
 * @param number of the layer in the model
 * @param names of its linear layers, those of one input together
 * @param linears the linear layers in this order
 * @param adapters one for all tokens, or those of which a token's task chooses one; none
 * @param chosen whether it chooses: task 0 none, task i the i-th
 */
record LayerPlan(int number, LayerParts parts, List<List<String>> names, List<Projection> linears,
    List<LoraAdapter> adapters, boolean chosen) {
  /** Inputs of a layer's linear layers: normed, attention's, normed, the gated product. */
  static final int KINDS = 4;

  /** Rows fill up to a multiple of this, so that rows of 16 bits stay aligned to 16 bytes. */
  private static final int ALIGNMENT = 8;

  /** That of a layer, if it is served. */
  static Optional<LayerPlan> of(Decoder model, int number) {
    List<List<String>> names = model.sharedInputs(number);
    List<Projection> linears = linears(model, names);
    List<Projection> adapted = linears.stream().filter(linear -> !linear.isBare()).toList();
    List<LoraAdapter> alone = adapted.stream().flatMap(linear -> LoraAdapter.aloneOn(linear).stream()).toList();
    List<List<LoraAdapter>> chosen =
        adapted.stream().map(LoraAdapter::chosenOn).filter(adapters -> !adapters.isEmpty()).toList();
    boolean alike = alone.stream().distinct().count() + chosen.stream().distinct().count() <= 1
        && alone.size() + chosen.size() == adapted.size();
    if (!alike || !biasesAreWhole(model, names)) {
      return Optional.empty();
    }
    List<LoraAdapter> adapters = chosen.isEmpty() ? alone.stream().distinct().toList() : chosen.get(0);
    return model.parts(number)
        .map(parts -> new LayerPlan(number, parts, names, linears, adapters, !chosen.isEmpty()));
  }

  private static List<Projection> linears(Decoder model, List<List<String>> names) {
    return names.stream().flatMap(List::stream).map(model::projection).toList();
  }

  /** Whether of the maps of one input all have a bias or none. */
  private static boolean biasesAreWhole(Decoder model, List<List<String>> names) {
    return names.stream().allMatch(
        together -> together.stream().map(name -> model.projection(name).bias().isPresent()).distinct().count() == 1);
  }

  /** Whether another plan is one of the same linear layers, with the same around them. */
  boolean isOfSame(LayerPlan other) {
    return number == other.number && IntStream.range(0, linears.size())
        .allMatch(i -> linears.get(i) == other.linears.get(i));
  }

  /** Whether it serves passes that train: with an adapter for all tokens. */
  boolean trains() {
    return !chosen && !adapters.isEmpty();
  }

  /** Bytes of the weights of its linear layers. */
  long bytes() {
    return linears.stream().mapToLong(linear -> linear.weight().numel() * DType.of(linear.weight()).bytes()).sum();
  }

  /** Rows that so many rows of adapters' factors take in a matrix. */
  static int rows(int used) {
    return (used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** The weights of the maps of one input. */
  List<Tensor> weights(int kind) {
    return of(kind).stream().map(Projection::weight).toList();
  }

  /** The biases of the maps of one input; none where they have none. */
  List<Tensor> biases(int kind) {
    return of(kind).stream().flatMap(linear -> linear.bias().stream()).toList();
  }

  private List<Projection> of(int kind) {
    int first = names.subList(0, kind).stream().mapToInt(List::size).sum();
    return linears.subList(first, first + names.get(kind).size());
  }

  private boolean has(LoraAdapter adapter, String name) {
    int at = names.stream().flatMap(List::stream).toList().indexOf(name);
    return !linears.get(at).isBare() && adapter.modules().contains(name);
  }

  /** An adapter's modules of one input of several layers, at each map it is on; empty where they are not alike. */
  static Optional<List<Optional<LoraSeries>>> series(List<LayerPlan> layers, int kind, LoraAdapter adapter) {
    LayerPlan first = layers.get(0);
    List<Optional<LoraSeries>> series = new ArrayList<>();
    for (int map = 0; map < first.names.get(kind).size(); map++) {
      int at = map;
      List<String> names = layers.stream().map(layer -> layer.names.get(kind).get(at)).toList();
      long on = IntStream.range(0, names.size()).filter(i -> layers.get(i).has(adapter, names.get(i))).count();
      Optional<LoraSeries> found = on == 0 ? Optional.empty() : LoraSeries.of(adapter, names);
      if (on > 0 && (on < names.size() || found.isEmpty())) {
        return Optional.empty();
      }
      series.add(found);
    }
    return Optional.of(series);
  }

  /** Whether layers can be one {@link LayerRun}. */
  static boolean areAlike(List<LayerPlan> layers) {
    LayerPlan first = layers.get(0);
    return layers.stream().allMatch(layer -> layer.adapters.equals(first.adapters) && layer.chosen == first.chosen)
        && first.adapters.stream().allMatch(adapter ->
            IntStream.range(0, KINDS).allMatch(kind -> series(layers, kind, adapter).isPresent()));
  }
}
