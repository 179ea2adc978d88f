package thanora.export;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntConsumer;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.SafetensorsWriter;
import thanora.checkpoint.ShardedWriter;
import thanora.checkpoint.Weights;
import thanora.lora.Adapter;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The merged model as an ordinary Hugging Face folder: W + s (B A − B⁰ A⁰), computed in float64 from
 * the W in the base's file and rounded once; everything else is copied.
 */
public final class MergedFolder {
  private static final Placement EXACT = new Placement("cpu", DType.F64);
  private static final String SUFFIX = ".weight";

  private MergedFolder() {}

  /**
   * Writes into an existing, empty folder.
   *
   * @param dtype element type of all floating tensors; that of each in the base's file where empty
   * @param written receives the number of tensors written so far
   */
  public static void write(
      Checkpoint base, Decoder model, Adapter adapter, Path folder, Optional<DType> dtype, IntConsumer written)
      throws IOException {
    Weights weights = base.weights();
    Set<String> wanted = model.tensorNames();
    Map<String, String> names = new HashMap<>(); // by what the file calls them
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    for (String name : weights.names()) {
      if (wanted.contains(name) || model.config().carries(name)) {
        String stored = base.storedName(name);
        names.put(stored, name);
        entries.add(new SafetensorsWriter.Entry(stored, target(weights, name, dtype), weights.shape(name)));
      }
    }
    int[] count = {0};
    ShardedWriter.write(folder, entries, stored -> {
      String name = names.get(stored);
      Tensor tensor = tensor(weights, adapter, name, target(weights, name, dtype));
      written.accept(++count[0]);
      return tensor;
    }, ShardedWriter.SHARD_BYTES);
    base.copyCompanions(folder);
    dtype.ifPresent(type -> setDtype(folder.resolve("config.json"), type));
  }

  private static DType target(Weights weights, String name, Optional<DType> dtype) {
    DType stored = weights.dtype(name);
    return stored.isFloat() ? dtype.orElse(stored) : stored;
  }

  /** A tensor of the merged model, rounded once to {@code dtype}. */
  static Tensor tensor(Weights weights, Adapter adapter, String name, DType dtype) {
    String module = name.endsWith(SUFFIX) ? name.substring(0, name.length() - SUFFIX.length()) : name;
    return adapter.modules().contains(module)
        ? merged(weights, adapter, module, dtype)
        : weights.load(name, new Placement("cpu", dtype));
  }

  /** A module's merged weight (out, in), rounded once to {@code dtype}; the caller's scope owns it. */
  public static Tensor merged(Weights weights, Adapter adapter, String module, DType dtype) {
    return TensorScope.keep(() -> {
      try (NoGrad off = NoGrad.open()) {
        Tensor w = weights.load(module + SUFFIX, EXACT);
        return Tensors.cast(adapter.merged(module, 0, w), dtype);
      }
    });
  }

  private static void setDtype(Path file, DType dtype) {
    ObjectMapper json = new ObjectMapper();
    try {
      ObjectNode config = (ObjectNode) json.readTree(file.toFile());
      String name = dtype == DType.BF16 ? "bfloat16" : dtype == DType.F16 ? "float16" : "float32";
      config.put(config.has("dtype") ? "dtype" : "torch_dtype", name);
      Files.writeString(file, json.writerWithDefaultPrettyPrinter().writeValueAsString(config) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
