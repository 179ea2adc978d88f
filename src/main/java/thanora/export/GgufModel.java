package thanora.export;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntConsumer;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.GgufTarget;
import thanora.checkpoint.GgufValues;
import thanora.checkpoint.GgufWriter;
import thanora.checkpoint.OutType;
import thanora.checkpoint.Weights;
import thanora.lora.Adapter;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Tensors;

/**
 * The merged model as a GGUF file for llama.cpp: the weights of {@link MergedFolder} in float32, then in
 * the file's type; tokenizer and sizes of the base. The same model gives the same bytes.
 */
public final class GgufModel {
  private GgufModel() {}

  /**
   * Writes a file, whole or not at all.
   *
   * @param type of all matrices whose rows are whole blocks of it
   * @param written receives the number of tensors written so far
   * @throws thanora.checkpoint.CheckpointException if llama.cpp has no such model or tokenizer, or the
   *     file cannot be written
   */
  public static void write(
      Checkpoint base, Decoder model, Adapter adapter, Path file, OutType type, IntConsumer written) {
    Weights weights = base.weights();
    GgufTarget target = base.gguf();
    GgufValues values = base.ggufMetadata();
    values.integer("general.file_type", type.fileType()).integer("general.quantization_version", 2);
    List<GgufWriter.Entry> entries = new ArrayList<>();
    target.extras().forEach((name, extra) ->
        entries.add(GgufWriter.Entry.of(name, OutType.F32, 0, extra.length)));
    Set<String> wanted = model.tensorNames();
    Map<String, String> names = new LinkedHashMap<>();
    for (String name : weights.names()) {
      if (wanted.contains(name)) {
        names.put(target.name(name), name);
        entries.add(GgufWriter.Entry.of(target.name(name), type, target.heads(name), weights.shape(name)));
      }
    }
    int[] count = {0};
    GgufWriter.write(file, values, entries, name -> {
      if (target.extras().containsKey(name)) {
        float[] extra = target.extras().get(name);
        return Tensors.of(extra, extra.length);
      }
      written.accept(++count[0]);
      String known = names.get(name);
      Tensor tensor = MergedFolder.tensor(weights, adapter, known, DType.F32);
      return target.added(known) == 0 ? tensor : Ops.addInPlace(tensor, target.added(known));
    });
  }
}
