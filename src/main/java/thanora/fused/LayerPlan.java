package thanora.fused;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.LoraAdapter;
import thanora.lora.LoraSeries;
import thanora.model.Decoder;
import thanora.model.LayerParts;
import thanora.model.Projection;
import thanora.tensor.DType;

/**
 * A decoder layer that the fast layer serves: one LoRA without routes on some of its linear layers, the
 * others bare.
 *
 * @param number of the layer in the model
 * @param names of its linear layers, those of one input together
 * @param adapted those that the adapter is on
 */
record LayerPlan(int number, LayerParts parts, List<List<String>> names, LoraAdapter adapter, Set<String> adapted) {
  /** Inputs of a layer's linear layers: normed, attention's, normed, the gated product. */
  static final int KINDS = 4;

  /** Rows fill up to a multiple of this, so that rows of 16 bits stay aligned to 16 bytes. */
  private static final int ALIGNMENT = 8;

  /** That of a layer, if it is served. */
  static Optional<LayerPlan> of(Decoder model, int number) {
    List<List<String>> names = model.sharedInputs(number);
    List<String> all = names.stream().flatMap(List::stream).toList();
    Set<String> adapted = all.stream()
        .filter(name -> LoraAdapter.aloneOn(model.projection(name)).isPresent()).collect(Collectors.toSet());
    boolean othersAreBare = all.stream()
        .allMatch(name -> adapted.contains(name) || model.projection(name).isBare());
    List<LoraAdapter> adapters = adapted.stream()
        .map(name -> LoraAdapter.aloneOn(model.projection(name)).orElseThrow()).distinct().toList();
    if (adapters.size() != 1 || !othersAreBare || !biasesAreWhole(model, names)) {
      return Optional.empty();
    }
    LoraAdapter adapter = adapters.get(0);
    return adapter.members() > 1 || adapter.routes().isPresent() ? Optional.empty()
        : model.parts(number).map(parts -> new LayerPlan(number, parts, names, adapter, adapted));
  }

  /** Whether of the maps of one input all have a bias or none. */
  private static boolean biasesAreWhole(Decoder model, List<List<String>> names) {
    return names.stream().allMatch(
        together -> together.stream().map(name -> model.projection(name).bias().isPresent()).distinct().count() == 1);
  }

  /** Whether the model's linear layers still are as they were when this was made. */
  boolean holds(Decoder model) {
    return names.stream().flatMap(List::stream).allMatch(name -> {
      Projection layer = model.projection(name);
      return adapted.contains(name)
          ? LoraAdapter.aloneOn(layer).filter(there -> there == adapter).isPresent() : layer.isBare();
    });
  }

  /** Bytes of the weights of its linear layers. */
  long bytes(Decoder model) {
    return names.stream().flatMap(List::stream).mapToLong(name -> {
      Tensor weight = model.projection(name).weight();
      return weight.numel() * DType.of(weight).bytes();
    }).sum();
  }

  /** Rows that the adapters' factors at maps of one input take in their matrix. */
  static int rows(int adapted, int rank) {
    return (adapted * rank + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** The adapter's modules of one input of several layers, at each map it is on; empty where they are not alike. */
  static Optional<List<Optional<LoraSeries>>> series(List<LayerPlan> layers, int kind) {
    LayerPlan first = layers.get(0);
    List<Optional<LoraSeries>> series = new ArrayList<>();
    for (int map = 0; map < first.names.get(kind).size(); map++) {
      int at = map;
      List<String> names = layers.stream().map(layer -> layer.names.get(kind).get(at)).toList();
      long on = IntStream.range(0, names.size()).filter(i -> layers.get(i).adapted.contains(names.get(i))).count();
      Optional<LoraSeries> found = on == 0 ? Optional.empty() : LoraSeries.of(first.adapter, names);
      if (on > 0 && (on < names.size() || found.isEmpty())) {
        return Optional.empty();
      }
      series.add(found);
    }
    return Optional.of(series);
  }

  /** Whether layers can be one {@link LayerRun}. */
  static boolean areAlike(List<LayerPlan> layers) {
    return layers.stream().allMatch(layer -> layer.adapter == layers.get(0).adapter)
        && IntStream.range(0, KINDS).allMatch(kind -> series(layers, kind).isPresent());
  }
}
