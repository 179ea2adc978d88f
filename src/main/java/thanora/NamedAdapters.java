package thanora;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import thanora.export.PeftAdapter;
import thanora.lora.Adapter;
import thanora.lora.ChosenAdapter;

/**
 * A base model and adapters on it, each with a name, that answer side by side in one batch: a text of
 * task i is answered by the i-th adapter, one of task 0 by the base.
 *
 * @param model the base
 * @param names that of the base, then those of the adapters
 * @param adapters in the order of their names
 */
public record NamedAdapters(LoadedModel model, List<String> names, List<Adapter> adapters) implements AutoCloseable {

  /**
   * Puts adapters on a base.
   *
   * @param base name of the base alone
   * @param adapters folders in PEFT's format, by name
   * @throws IllegalArgumentException if a name is that of the base, or a folder holds no adapter
   * @throws thanora.checkpoint.CheckpointException if an adapter is damaged or of another model
   */
  public static NamedAdapters open(LoadedModel model, String base, Map<String, Path> adapters) {
    if (adapters.containsKey(base)) {
      throw new IllegalArgumentException("adapter " + base + ": the base model has this name; give it another");
    }
    adapters.values().forEach(TrainedModel::requireAdapter);
    List<Adapter> read = new ArrayList<>();
    adapters.values().forEach(folder -> read.add(PeftAdapter.read(folder, model.decoder())));
    ChosenAdapter.attach(model.decoder(), read);
    List<String> names = new ArrayList<>(List.of(base));
    names.addAll(adapters.keySet());
    return new NamedAdapters(model, List.copyOf(names), List.copyOf(read));
  }

  @Override
  public void close() {
    model.close();
    adapters.forEach(Adapter::close);
  }
}
