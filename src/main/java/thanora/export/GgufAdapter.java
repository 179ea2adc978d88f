package thanora.export;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.GgufAdapterFile;
import thanora.checkpoint.GgufTarget;
import thanora.checkpoint.GgufValues;
import thanora.checkpoint.GgufWriter;
import thanora.checkpoint.OutType;
import thanora.checkpoint.Weights;
import thanora.lora.Adapter;
import thanora.lora.Blocks;
import thanora.lora.DoraAdapter;
import thanora.lora.Factors;
import thanora.lora.LoraAdapter;
import thanora.model.Decoder;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The adapter as a GGUF file that llama.cpp puts on the base with {@code --lora}: the factors of {@link
 * PeftAdapter}, rows of B in the order of the base's.
 *
 * <p>The format has one alpha, and llama.cpp scales a module by alpha / r with the r of its B.
 */
public final class GgufAdapter {
  private static final String WEIGHT = ".weight";

  private GgufAdapter() {}

  /**
   * Writes a file, whole or not at all.
   *
   * @param base what the adapter was trained on
   * @param type of the factors; float32 loses nothing
   * @throws UnsupportedOperationException if the adapter is no plain LoRA
   */
  public static void write(Path file, Adapter adapter, Checkpoint base, OutType type) {
    LoraAdapter lora = plain(adapter);
    GgufTarget target = base.gguf();
    if (!adapter.modules().stream().allMatch(target::holds)) {
      throw new UnsupportedOperationException("a GGUF adapter changes the decoder alone, this one the part that sees"
          + " images too; write the merged model: thanora merge RUN --format gguf");
    }
    // one scale for all modules, so B stays as it is
    double alpha = lora.scaling() * lora.exportRank();
    GgufValues values = GgufAdapterFile.values(target.architecture(), "LoRA", alpha);
    values.integer("general.file_type", type.fileType()).integer("general.quantization_version", 2);
    List<GgufWriter.Entry> entries = new ArrayList<>();
    Map<String, String> modules = new HashMap<>();
    int r = lora.exportRank();
    for (Adapter.Stack stack : adapter.stacks()) {
      for (String module : stack.names()) {
        String weight = module + WEIGHT;
        String name = target.name(weight);
        modules.put(name, module);
        entries.add(GgufWriter.Entry.of(name + GgufAdapterFile.A, type, 0, r, stack.in()));
        entries.add(GgufWriter.Entry.of(name + GgufAdapterFile.B, type, target.heads(weight), stack.out(), r));
      }
    }
    GgufWriter.write(file, values, entries, name -> {
      boolean a = name.endsWith(GgufAdapterFile.A);
      LoraAdapter.Export factors = lora.export(modules.get(name.substring(0, name.lastIndexOf('.'))));
      return a ? factors.a() : factors.b();
    });
  }

  private static LoraAdapter plain(Adapter adapter) {
    if (adapter instanceof LoraAdapter lora && lora.merges()) {
      return lora;
    }
    throw new UnsupportedOperationException(adapter instanceof DoraAdapter
        ? "DoRA has no form as a GGUF adapter; write the merged model: thanora merge RUN --format gguf"
        : "an adapter that routes has no form that llama.cpp reads");
  }

  /**
   * Reads a file written by this class or by llama.cpp's converter, not attached yet. The caller never
   * frees it. Modules of a smaller rank than the largest are filled up with zeros.
   *
   * @throws CheckpointException if it does not fit the model
   */
  public static Adapter read(Path path, Decoder model, Checkpoint base) {
    GgufTarget target = base.gguf();
    try (TensorScope scope = TensorScope.open(); GgufAdapterFile file = GgufAdapterFile.open(path);
        Weights weights = file.weights(target)) {
      if (!file.architecture().equals(target.architecture())) {
        throw new CheckpointException(path + ": is an adapter of a " + file.architecture()
            + " model, this one is " + target.architecture());
      }
      List<String> modules = modules(path, weights, model);
      int r = modules.stream().mapToInt(module -> rank(weights, module)).max().orElseThrow();
      LoraAdapter adapter = LoraAdapter.create(model, modules, r, 0, file.alpha());
      Tensor none = Tensors.empty(Placement.CPU_F32, 0, 1);
      for (String module : modules) {
        Tensor a = weights.load(module + WEIGHT + GgufAdapterFile.A, Placement.CPU_F32);
        Tensor b = weights.load(module + WEIGHT + GgufAdapterFile.B, Placement.CPU_F32);
        int own = rank(weights, module);
        Tensor bt = Ops.scale(b.t(), (double) r / own); // alpha / own is this module's scale
        adapter.set(module, new Factors(
            filled(a, r), filled(bt, r), none, none, new Blocks(new int[] {0}, r)));
      }
      return adapter;
    }
  }

  /** Whether its factors are stored in fewer than 32 bits. */
  public static boolean isRounded(Path path, Checkpoint base) {
    try (GgufAdapterFile file = GgufAdapterFile.open(path)) {
      return file.weights(base.gguf()).isRounded();
    }
  }

  private static Tensor filled(Tensor rows, int r) {
    long missing = r - rows.size(0);
    return missing == 0 ? rows
        : Ops.cat(0, rows, Tensors.zeros(Placement.CPU_F32, missing, rows.size(1)));
  }

  private static int rank(Weights weights, String module) {
    return Math.toIntExact(weights.shape(module + WEIGHT + GgufAdapterFile.A)[0]);
  }

  /** The modules in the model's order, each with both factors of the right shape. */
  private static List<String> modules(Path path, Weights weights, Decoder model) {
    Set<String> found = new TreeSet<>();
    for (String name : weights.names()) {
      String module = name.replaceFirst("\\.weight\\.lora_[ab]$", "");
      if (!model.projectionNames().contains(module)) {
        throw new CheckpointException(
            path + ": tensor " + name + " belongs to no linear layer of this model");
      }
      found.add(module);
    }
    for (String module : found) {
      for (String factor : List.of(GgufAdapterFile.A, GgufAdapterFile.B)) {
        if (!weights.names().contains(module + WEIGHT + factor)) {
          throw new CheckpointException(path + ": " + module + " has no " + factor.substring(1));
        }
      }
      Tensor w = model.projection(module).weight();
      long[] a = weights.shape(module + WEIGHT + GgufAdapterFile.A);
      long[] b = weights.shape(module + WEIGHT + GgufAdapterFile.B);
      if (a.length != 2 || a[1] != w.size(1) || !Arrays.equals(b, new long[] {w.size(0), a[0]})) {
        throw new CheckpointException(path + ": the factors of " + module + " have shapes "
            + Arrays.toString(a) + " and " + Arrays.toString(b) + "; it is an adapter of another model");
      }
    }
    if (found.isEmpty()) {
      throw new CheckpointException(path + ": holds no LoRA factors");
    }
    List<String> ordered = new ArrayList<>(model.projectionNames());
    ordered.retainAll(found);
    return ordered;
  }
}
