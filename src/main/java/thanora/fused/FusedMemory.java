package thanora.fused;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import thanora.lora.AdapterForm;
import thanora.lora.LoraAdapter;
import thanora.model.DecoderMemory;
import thanora.model.DecoderMemory.Linear;

/** What the fast layer takes of memory beside what {@link DecoderMemory} counts of a layer that is one node. */
public final class FusedMemory {
  private FusedMemory() {}

  /** Whether layers of such a model, with adapters of one configuration of such a form, will be served. */
  public static boolean serves(DecoderMemory model, AdapterForm form) {
    return FusedDecoder.isOn() && model.hasPlainLayers()
        && form instanceof LoraAdapter.Form lora && lora.routes().isEmpty();
  }

  /**
   * Bytes of the adapters' factors in the matrices of all layers, and of the gradients of a run of them.
   *
   * @param apart tasks whose gradients are kept apart; 0 for none
   */
  public static long factors(DecoderMemory model, Collection<String> modules, AdapterForm form, int apart) {
    long inMatrices = 0;
    long gradients = 0;
    for (List<Linear> together : byInput(model.linears())) {
      int adapted = (int) together.stream().filter(linear -> modules.contains(linear.name())).count();
      long rows = LayerPlan.rows(adapted * (((LoraAdapter.Form) form).r() + ((LoraAdapter.Form) form).frozenRows()));
      long out = together.stream().mapToLong(Linear::out).sum();
      inMatrices += rows * (together.get(0).in() + out + rows);
      gradients += rows * (together.get(0).in() + out) * Math.max(1, apart);
    }
    long layers = model.config().layers();
    long inRun = FusedDecoder.layersOfARun(model.linearNumbers() * model.dtype().bytes() / layers, model.gpu());
    return (inMatrices + gradients * Math.min(layers, inRun) / layers) * model.dtype().bytes();
  }

  /** Linear layers of one input together: query, key and value; output; gate and up; down. */
  private static List<List<Linear>> byInput(List<Linear> linears) {
    List<List<Linear>> all = new ArrayList<>();
    for (Linear linear : linears) {
      Optional<Linear> before = all.isEmpty() ? Optional.empty() : Optional.of(all.get(all.size() - 1).get(0));
      if (before.filter(first -> input(first).equals(input(linear))).isEmpty()) {
        all.add(new ArrayList<>());
      }
      all.get(all.size() - 1).add(linear);
    }
    return all;
  }

  private static String input(Linear linear) {
    String name = linear.name();
    boolean alone = name.endsWith("o_proj") || name.endsWith("down_proj");
    return alone ? name : name.substring(0, name.lastIndexOf('.'));
  }
}
