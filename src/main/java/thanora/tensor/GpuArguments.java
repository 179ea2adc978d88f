package thanora.tensor;

import java.nio.LongBuffer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.Tensor;

/**
 * The arguments of a kernel in their order, 8 bytes each. A thread has one such list, filled anew for
 * each launch, so that a launch makes no objects that stay.
 */
public final class GpuArguments {
  private static final int MOST = 24;
  private static final ThreadLocal<GpuArguments> OF_THREAD =
      ThreadLocal.withInitial(() -> TensorScope.outside(GpuArguments::new));

  private final LongPointer memory = new LongPointer(MOST); // held, since the buffer does not hold it
  private final LongBuffer values = memory.asBuffer();
  final PointerPointer<LongPointer> addresses = new PointerPointer<>(MOST);
  private int count;
  private long unaligned; // bits of all addresses and distances of rows

  private GpuArguments() {
    for (int i = 0; i < MOST; i++) {
      addresses.put(i, memory.getPointer(i));
    }
  }

  /** This thread's list, empty. */
  public static GpuArguments start() {
    GpuArguments arguments = OF_THREAD.get();
    arguments.count = 0;
    arguments.unaligned = 0;
    return arguments;
  }

  /** Two arguments: where a tensor (N, D) lies, and the distance of its rows in elements. */
  public GpuArguments matrix(Tensor tensor) {
    if (tensor.stride(1) != 1 && tensor.size(1) > 1) {
      throw new IllegalArgumentException("columns are " + tensor.stride(1) + " apart; a kernel's must be contiguous");
    }
    long stride = tensor.stride(0);
    unaligned |= stride * tensor.element_size();
    return vector(tensor).put(stride);
  }

  /** Where a contiguous tensor lies. */
  public GpuArguments vector(Tensor tensor) {
    long address = Tensors.address(tensor);
    unaligned |= address;
    return put(address);
  }

  /** Where a tensor lies of which elements are read one by one, so that it may begin anywhere. */
  public GpuArguments elements(Tensor tensor) {
    return put(Tensors.address(tensor));
  }

  /** Two arguments that stand for no matrix. */
  public GpuArguments noMatrix() {
    return put(0).put(0);
  }

  /** Stands for no vector. */
  public GpuArguments noVector() {
    return put(0);
  }

  /** A 32-bit integer, or a truth as 0 or 1. */
  public GpuArguments number(int value) {
    return put(value);
  }

  /** A 32-bit float. */
  public GpuArguments number(float value) {
    return put(Float.floatToRawIntBits(value));
  }

  /** Whether all rows of the matrices, and the vectors, begin at multiples of 16 bytes. */
  public boolean areAligned() {
    return unaligned % 16 == 0;
  }

  private GpuArguments put(long value) {
    values.put(count++, value);
    return this;
  }
}
