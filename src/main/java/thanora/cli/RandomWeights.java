package thanora.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.AbstractSet;
import java.util.Iterator;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.Weights;
import thanora.model.Decoder;
import thanora.model.DecoderMemory;
import thanora.model.ModelConfig;
import thanora.model.VisionConfig;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/** Weights that a configuration describes and nobody trained: enough to time a step. */
final class RandomWeights implements Weights {
  private static final double BOUND = 0.035; // deviation 0.02, as models start

  private final ModelConfig config;

  RandomWeights(ModelConfig config) {
    this.config = config;
    Tensors.seed(0);
  }

  /** A model of such weights, from its {@code config.json}; in float32 on the CPU, in bfloat16 on a GPU. */
  static Decoder load(Path file, String device) throws IOException {
    ModelConfig config = ModelConfig.from(new ObjectMapper().readTree(file.toFile()));
    Placement placement = device.equals("cpu") ? Placement.CPU_F32 : new Placement(device, DType.BF16);
    return Decoder.load(config, new RandomWeights(config), placement);
  }

  /** Any name is there, since {@link #shape} knows what each kind of tensor looks like. */
  @Override
  public Set<String> names() {
    return new AbstractSet<>() {
      @Override
      public boolean contains(Object name) {
        return true;
      }

      @Override
      public Iterator<String> iterator() {
        throw new UnsupportedOperationException("random weights have no list of names");
      }

      @Override
      public int size() {
        throw new UnsupportedOperationException("random weights have no number of names");
      }
    };
  }

  @Override
  public long[] shape(String name) {
    Optional<long[]> seen = seen(name);
    if (seen.isPresent()) {
      return seen.get();
    }
    long[] matrix = matrix(name);
    return name.endsWith("norm.weight") || name.endsWith(".bias") ? new long[] {matrix[0]} : matrix;
  }

  /** Shape of a tensor of the vision part; empty where it is none. */
  private Optional<long[]> seen(String name) {
    Optional<VisionConfig> vision = config.vision();
    String module = name.substring(0, name.lastIndexOf('.'));
    if (vision.isEmpty() || !vision.get().isOfTower(name) && !vision.get().isOfConnector(module)) {
      return Optional.empty();
    }
    long width = vision.get().hidden();
    Optional<DecoderMemory.Linear> linear = new DecoderMemory(config, DType.F32, false).allLinears().stream()
        .filter(own -> own.name().equals(module)).findFirst();
    if (linear.isPresent()) {
      long out = linear.get().out();
      return Optional.of(name.endsWith("bias") ? new long[] {out} : new long[] {out, linear.get().in()});
    }
    long p = vision.get().patch();
    return Optional.of(name.endsWith("patch_embedding.weight") ? new long[] {width, 3, p, p}
        : name.endsWith("position_embedding.weight") ? new long[] {vision.get().towerTokens(), width}
        : new long[] {width});
  }

  private long[] matrix(String name) {
    String[] parts = name.split("\\.");
    long d = config.hidden();
    return switch (parts[parts.length - 2]) {
      case "embed_tokens", "lm_head" -> new long[] {config.vocabulary(), d};
      case "q_proj" -> new long[] {config.queryWidth(), d};
      case "qkv_proj" -> new long[] {config.queryWidth() + 2L * config.kvWidth(), d};
      case "k_proj", "v_proj" -> new long[] {config.kvWidth(), d};
      case "o_proj" -> new long[] {d, config.queryWidth()};
      case "gate_proj", "up_proj" -> new long[] {config.feedForward(), d};
      case "gate_up_proj" -> new long[] {2L * config.feedForward(), d};
      case "down_proj" -> new long[] {d, config.feedForward()};
      case "q_norm", "k_norm" -> new long[] {config.headDim()};
      case "norm", "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
          "post_feedforward_layernorm" -> new long[] {d};
      default -> throw new CheckpointException(name + ": a tensor of no known kind");
    };
  }

  @Override
  public DType dtype(String name) {
    return DType.F32;
  }

  @Override
  public Tensor load(String name, Placement placement) {
    long[] shape = shape(name);
    return name.endsWith("norm.weight") ? Tensors.ones(placement, shape) : Tensors.uniform(placement, BOUND, shape);
  }

  @Override
  public void close() {}
}
