package thanora.tensor;

import java.lang.reflect.Method;

/**
 * Peak of the memory that tensors hold on the first GPU, by libtorch's own count. Its classes come
 * with the GPU build only, so they are looked up when asked for.
 */
public final class GpuMemory {
  private static final byte DEVICE = 0;

  private GpuMemory() {}

  /** Counts the peak anew from what is held now; does nothing without a GPU. */
  public static void resetPeak(Placement placement) {
    if (!placement.isCpu()) {
      call(allocator(), "resetPeakStats", DEVICE);
    }
  }

  /** Most bytes held at once since {@link #resetPeak}; NaN without a GPU. */
  public static double peakBytes(Placement placement) {
    if (placement.isCpu()) {
      return Double.NaN;
    }
    Object stats = call(allocator(), "getDeviceStats", DEVICE);
    return ((Number) call(call(stats, "allocated_bytes"), "peak")).doubleValue();
  }

  private static Object allocator() {
    try {
      return Class.forName("org.bytedeco.pytorch.global.torch_cuda").getMethod("getAllocator").invoke(null);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("the GPU's allocator is not reachable", e);
    }
  }

  private static Object call(Object target, String name, Object... arguments) {
    try {
      Class<?>[] types = arguments.length == 0 ? new Class<?>[0] : new Class<?>[] {byte.class};
      Method method = target.getClass().getMethod(name, types);
      return method.invoke(target, arguments);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("libtorch's " + name + " is not reachable", e);
    }
  }
}
