package thanora.tensor;

/**
 * Where a tensor lives and in which element type: {@code cpu} or {@code cuda:0}, and a {@link DType}.
 *
 * @param device libtorch's device string
 * @param dtype element type
 */
public record Placement(String device, DType dtype) {
  /** Float32 in main memory. */
  public static final Placement CPU_F32 = new Placement("cpu", DType.F32);

  public Placement {
    if (!device.equals("cpu") && !device.matches("cuda(:\\d+)?")) {
      throw new IllegalArgumentException("device " + device + " is unknown; use cpu, cuda or cuda:N");
    }
  }

  /** The same device with another element type. */
  public Placement with(DType other) {
    return new Placement(device, other);
  }

  /** The same element type on another device. */
  public Placement on(String other) {
    return new Placement(other, dtype);
  }

  /** Number of the GPU; the first one where none is named. */
  public int index() {
    return device.contains(":") ? Integer.parseInt(device.split(":")[1]) : 0;
  }

  /** Whether this is main memory. */
  public boolean isCpu() {
    return device.equals("cpu");
  }
}
