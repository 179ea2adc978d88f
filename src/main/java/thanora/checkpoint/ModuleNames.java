package thanora.checkpoint;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Placement;

/**
 * Weights under the names of transformers' modules, where a text model is a part of a larger one: files
 * have {@code language_model.model.layers.0} for the module {@code model.language_model.layers.0}.
 */
final class ModuleNames implements Weights {
  private static final Map<String, String> PREFIXES = prefixes();

  private final Weights stored;
  private final Map<String, String> names = new LinkedHashMap<>();

  ModuleNames(Weights stored) {
    this.stored = stored;
    stored.names().forEach(name -> names.put(module(name), name));
  }

  /** The longer ones first. */
  private static Map<String, String> prefixes() {
    Map<String, String> prefixes = new LinkedHashMap<>();
    prefixes.put("language_model.model.", "model.language_model.");
    prefixes.put("language_model.lm_head.", "lm_head.");
    prefixes.put("vision_tower.vision_model.", "model.vision_tower."); // as versions before 5 wrote it
    prefixes.put("model.vision_tower.vision_model.", "model.vision_tower.");
    prefixes.put("vision_tower.", "model.vision_tower.");
    prefixes.put("multi_modal_projector.", "model.multi_modal_projector.");
    return prefixes;
  }

  private static String module(String stored) {
    return PREFIXES.entrySet().stream().filter(entry -> stored.startsWith(entry.getKey())).findFirst()
        .map(entry -> entry.getValue() + stored.substring(entry.getKey().length())).orElse(stored);
  }

  /** The name in the file. */
  String stored(String name) {
    return names.getOrDefault(name, name);
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(names.keySet());
  }

  @Override
  public long[] shape(String name) {
    return stored.shape(stored(name));
  }

  @Override
  public DType dtype(String name) {
    return stored.dtype(stored(name));
  }

  @Override
  public Tensor load(String name, Placement placement) {
    return stored.load(stored(name), placement);
  }

  @Override
  public void close() {
    stored.close();
  }
}
