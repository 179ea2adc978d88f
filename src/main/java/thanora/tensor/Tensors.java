package thanora.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Between Java arrays and tensors. Every tensor returned belongs to the caller's scope. */
public final class Tensors {
  private Tensors() {}

  /** A new tensor whose elements are not set. */
  public static Tensor empty(Placement placement, long... shape) {
    return TensorScope.keep(() -> torch.empty(shape, options(placement), null));
  }

  /**
   * A new tensor in main memory whose elements are not set, where a GPU can read and write it by itself
   * ({@link #copyInOrder}).
   */
  public static Tensor pinned(DType dtype, long... shape) {
    return TensorScope.keep(() -> torch.empty(
        shape, options(new Placement("cpu", dtype)).pinned_memory(new BoolOptional(true)), null));
  }

  /** The tensor at a placement, in the order of the GPU's work; the same one where it is there already. */
  public static Tensor toInOrder(Tensor tensor, Placement placement) {
    return TensorScope.keep(() ->
        tensor.to(new Device(placement.device()), placement.dtype().torch, true, false, null));
  }

  /** to ← from, in the order of the GPU's work; the host does not wait where main memory is pinned. */
  public static void copyInOrder(Tensor from, Tensor to) {
    to.copy_(from, true);
  }

  /** A new tensor of zeros. */
  public static Tensor zeros(Placement placement, long... shape) {
    return TensorScope.keep(() -> torch.zeros(shape, options(placement)));
  }

  /** A new tensor of ones. */
  public static Tensor ones(Placement placement, long... shape) {
    return TensorScope.keep(() -> torch.ones(shape, options(placement)));
  }

  /** A new tensor of draws from ±bound, on its device by libtorch's own generator, which {@link #seed} starts. */
  public static Tensor uniform(Placement placement, double bound, long... shape) {
    return TensorScope.keep(() -> empty(placement, shape).uniform_(-bound, bound, new GeneratorOptional()));
  }

  /** Starts libtorch's own generators anew, on all devices. */
  public static void seed(long seed) {
    torch.manual_seed(seed);
  }

  /** Float32 values in main memory, of the given shape. */
  public static Tensor of(float[] values, long... shape) {
    return TensorScope.keep(() -> {
      Tensor tensor = torch.tensor(values, options(Placement.CPU_F32));
      return shape.length == 0 ? tensor : tensor.view(shape);
    });
  }

  /** Float64 values in main memory, of the given shape. */
  public static Tensor of(double[] values, long... shape) {
    return TensorScope.keep(() -> {
      Tensor tensor = empty(new Placement("cpu", DType.F64), values.length);
      bytes(tensor, 0, Math.multiplyExact(values.length, 8)).asDoubleBuffer().put(values);
      return shape.length == 0 ? tensor : tensor.view(shape);
    });
  }

  /** Numbers as a column (n, 1) of float32 on a device. */
  public static Tensor column(double[] values, String device) {
    return TensorScope.keep(() -> to(of(values, values.length, 1), Placement.CPU_F32.on(device)));
  }

  /** Indices or token ids on a device. */
  public static Tensor of(long[] values, String device) {
    return TensorScope.keep(() -> to(
        torch.tensor(values, options(new Placement("cpu", DType.I64))),
        new Placement(device, DType.I64)));
  }

  /** Indices or token ids on a device. */
  public static Tensor of(int[] values, String device) {
    long[] wide = new long[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return of(wide, device);
  }

  /**
   * The tensor at a placement; the same one where it is there already. Nothing waits for a GPU on the way
   * to it: CUDA has read main memory that is not pinned when the call returns.
   */
  public static Tensor to(Tensor tensor, Placement placement) {
    boolean async = tensor.is_cpu() && !placement.isCpu();
    return TensorScope.keep(() ->
        tensor.to(new Device(placement.device()), placement.dtype().torch, async, false, null));
  }

  /** The tensor with another element type, on its device. */
  public static Tensor cast(Tensor tensor, DType dtype) {
    return tensor.to(dtype.torch);
  }

  /** A new tensor of another one's type and device, whose elements are not set: in one call, unlike {@link #empty}. */
  public static Tensor alike(Tensor other, long... shape) {
    return other.new_empty(shape);
  }

  /** A copy that shares nothing, without graph, on the same device. */
  public static Tensor copy(Tensor tensor) {
    return tensor.detach().clone();
  }

  /** Gives a tensor the memory of another one of its shape and type, whatever views see it by; its own is freed. */
  public static void move(Tensor tensor, Tensor to) {
    tensor.set_data(to);
  }

  /** Frees a tensor that belongs to no scope. */
  public static void free(Tensor tensor) {
    tensor.close();
  }

  /** Its elements as float32, in row-major order, wherever it lives. */
  public static float[] floats(Tensor tensor) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor flat = to(tensor.detach(), Placement.CPU_F32).contiguous();
      float[] values = new float[Math.toIntExact(flat.numel())];
      if (values.length > 0) {
        bytes(flat, 0, Math.multiplyExact(values.length, 4)).asFloatBuffer().get(values);
      }
      return values;
    }
  }

  /** Its elements as float64, in row-major order, wherever it lives. */
  public static double[] doubles(Tensor tensor) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor flat = to(tensor.detach(), new Placement("cpu", DType.F64)).contiguous();
      double[] values = new double[Math.toIntExact(flat.numel())];
      if (values.length > 0) {
        bytes(flat, 0, Math.multiplyExact(values.length, 8)).asDoubleBuffer().get(values);
      }
      return values;
    }
  }

  /** Its elements as int64, in row-major order, wherever it lives. */
  public static long[] longs(Tensor tensor) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor flat = to(tensor, new Placement("cpu", DType.I64)).contiguous();
      long[] values = new long[Math.toIntExact(flat.numel())];
      if (values.length > 0) {
        bytes(flat, 0, Math.multiplyExact(values.length, 8)).asLongBuffer().get(values);
      }
      return values;
    }
  }

  /** The single element of a tensor. */
  public static double item(Tensor tensor) {
    return tensor.item_double();
  }

  /** Whether no element is NaN or infinite. */
  public static boolean isFinite(Tensor tensor) {
    try (TensorScope scope = TensorScope.open()) {
      return Double.isFinite(tensor.detach().sum(new org.bytedeco.pytorch.ScalarTypeOptional(ScalarType.Float)).item_double())
          || tensor.isfinite().all().item_bool();
    }
  }

  /** Where its first element lies, on its device. */
  public static long address(Tensor tensor) {
    return tensor.data_ptr().address();
  }

  /** Its shape. */
  public static long[] shape(Tensor tensor) {
    long[] shape = new long[(int) tensor.dim()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = tensor.size(i);
    }
    return shape;
  }

  /**
   * A view of a tensor's own memory, to read a file straight into it or out of it; little-endian.
   *
   * @param tensor contiguous, in main memory; must stay alive while the view is used
   * @param offset first byte
   * @param length bytes; at most 2 GiB
   */
  public static ByteBuffer bytes(Tensor tensor, long offset, int length) {
    if (offset < 0 || length < 0 || offset + length > tensor.numel() * DType.of(tensor).bytes()) {
      throw new IllegalArgumentException("bytes " + offset + " to " + (offset + length) + " are outside the tensor");
    }
    // a buffer's capacity counts from the pointer's address and stops at 2 GiB: move the address
    BytePointer window = tensor.data_ptr().getPointer(BytePointer.class, offset).capacity(length);
    return window.asBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Where a tensor lives: {@code cpu} or {@code cuda:N}. */
  public static String device(Tensor tensor) {
    return tensor.is_cuda() ? "cuda:" + tensor.device().index() : "cpu";
  }

  /** Where it lives and its element type. */
  public static Placement placement(Tensor tensor) {
    return new Placement(device(tensor), DType.of(tensor));
  }

  /** Whether a GPU can be used. */
  public static boolean cudaIsAvailable() {
    return torch.cuda_is_available();
  }

  static TensorOptions options(Placement placement) {
    return new TensorOptions(placement.dtype().torch)
        .device(new org.bytedeco.pytorch.DeviceOptional(new Device(placement.device())));
  }
}
