package thanora.checkpoint;

import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Placement;

/** Named tensors of a checkpoint, read one at a time, without holding the file in memory. */
public interface Weights extends AutoCloseable {
  /** All names, in file order. */
  Set<String> names();

  /**
   * Shape of a tensor, outermost dimension first.
   *
   * @throws CheckpointException if the name is not there
   */
  long[] shape(String name);

  /** Element type as stored; quantised GGUF types count as {@link DType#F32}. */
  DType dtype(String name);

  /** Whether some numbers are stored in fewer than 32 bits. */
  default boolean isRounded() {
    return names().stream().map(this::dtype)
        .anyMatch(type -> type.isFloat() && type.bytes() < DType.F32.bytes());
  }

  /**
   * Reads a tensor and converts it. The caller's scope owns it.
   *
   * @throws CheckpointException if the name is not there or the bytes cannot be read
   */
  Tensor load(String name, Placement placement);

  @Override
  void close();
}
