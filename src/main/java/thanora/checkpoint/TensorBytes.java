package thanora.checkpoint;

import java.nio.ByteBuffer;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Tensors;

/**
 * Windows on the memory of a tensor of any size. Each is taken from a view that starts where the
 * window does, because a Java buffer counts with 32 bits.
 */
final class TensorBytes {
  /** Bytes read or written at once; a multiple of every element's size. */
  static final int CHUNK = 64 << 20;

  private TensorBytes() {}

  /** What to do with a window: {@code at} is its first byte in the tensor. */
  interface Visitor<E extends Exception> {
    void visit(ByteBuffer window, long at) throws E;
  }

  /** Visits all bytes of a contiguous tensor in main memory, in order, a chunk at a time. */
  static <E extends Exception> void forEach(Tensor tensor, Visitor<E> visitor) throws E {
    int size = DType.of(tensor).bytes();
    long bytes = tensor.numel() * size;
    for (long at = 0; at < bytes; at += CHUNK) {
      int length = (int) Math.min(CHUNK, bytes - at);
      visitor.visit(window(tensor, at / size, length / size), at);
    }
  }

  /** The memory of some elements, valid as long as the tensor is. */
  static ByteBuffer window(Tensor tensor, long first, int count) {
    Tensor flat = tensor.view(-1);
    Tensor part = Ops.narrow(flat, 0, first, count);
    ByteBuffer window = Tensors.bytes(part, 0, Math.multiplyExact(count, DType.of(tensor).bytes()));
    part.deallocate();
    flat.deallocate();
    return window;
  }
}
