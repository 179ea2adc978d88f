package thanora.tensor;

import java.util.Locale;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Element types, by their safetensors names. */
public enum DType {
  F64(8, ScalarType.Double),
  F32(4, ScalarType.Float),
  F16(2, ScalarType.Half),
  BF16(2, ScalarType.BFloat16),
  I64(8, ScalarType.Long),
  I32(4, ScalarType.Int),
  U8(1, ScalarType.Byte),
  BOOL(1, ScalarType.Bool);

  private final int bytes;
  final ScalarType torch;

  DType(int bytes, ScalarType torch) {
    this.bytes = bytes;
    this.torch = torch;
  }

  /** Bytes an element. */
  public int bytes() {
    return bytes;
  }

  /** Whether elements are floating point numbers. */
  public boolean isFloat() {
    return this == F64 || this == F32 || this == F16 || this == BF16;
  }

  /** The type of a tensor's elements. */
  public static DType of(Tensor tensor) {
    ScalarType type = tensor.scalar_type().intern();
    for (DType candidate : values()) {
      if (candidate.torch == type) {
        return candidate;
      }
    }
    throw new IllegalArgumentException("element type " + type + " is not supported");
  }

  /**
   * The type a recipe names: {@code fp32}, {@code float32}, {@code bf16}, ...
   *
   * @throws IllegalArgumentException naming the value and what is allowed
   */
  public static DType parse(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "f32", "fp32", "float32" -> F32;
      case "bf16", "bfloat16" -> BF16;
      case "f16", "fp16", "float16" -> F16;
      case "f64", "fp64", "float64" -> F64;
      default -> throw new IllegalArgumentException(
          "dtype " + name + " is unknown; use fp32, bf16, fp16 or fp64");
    };
  }
}
