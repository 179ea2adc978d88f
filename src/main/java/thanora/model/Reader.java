package thanora.model;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.Weights;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/** Reads tensors of a known shape, and remembers their names. */
final class Reader {
  private final Weights weights;
  private final Placement placement;
  private final Set<String> read = new LinkedHashSet<>();

  Reader(Weights weights, Placement placement) {
    this.weights = weights;
    this.placement = placement;
  }

  Tensor read(String name, long... shape) {
    return read(name, placement, shape);
  }

  /** A norm; what is added to its weight is added in float32 at least, which it then keeps. */
  Norm norm(String name, int width, ModelConfig.Norms norms) {
    if (norms.offset() == 0) {
      return new Norm(read(name, width), norms.eps());
    }
    Placement exact = placement.dtype() == DType.F64 ? placement : placement.with(DType.F32);
    return new Norm(Ops.plus(read(name, exact, width), norms.offset()), norms.eps());
  }

  private Tensor read(String name, Placement placement, long... shape) {
    if (!weights.names().contains(name)) {
      throw new CheckpointException("tensor " + name + " " + Arrays.toString(shape)
          + " is missing; fetch the weights that belong to config.json");
    }
    if (!Arrays.equals(weights.shape(name), shape)) {
      throw new CheckpointException("tensor " + name + " has shape " + Arrays.toString(weights.shape(name))
          + ", config.json says "
          + Arrays.toString(shape) + "; fetch the two of the same model");
    }
    Tensor tensor = weights.load(name, placement);
    if (!Tensors.isFinite(tensor)) {
      throw new CheckpointException("tensor " + name + " holds NaN or infinite values; fetch the checkpoint again");
    }
    read.add(name);
    return tensor;
  }

  /** Where tensors go. */
  Placement placement() {
    return placement;
  }

  /** Names read so far. */
  Set<String> read() {
    return Collections.unmodifiableSet(read);
  }

  Optional<Tensor> readIf(boolean wanted, String name, long... shape) {
    return wanted ? Optional.of(read(name, shape)) : Optional.empty();
  }
}
