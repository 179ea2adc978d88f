package thanora.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import thanora.tensor.DType;

/**
 * Element types of GGUF files that are written, by the names that llama.cpp's converter gives them as
 * {@code --outtype}.
 */
public enum OutType {
  F32(GgmlType.F32, 0) {
    @Override
    void put(float[] values, ByteBuffer out) {
      for (float value : values) {
        out.putFloat(value);
      }
    }
  },
  F16(GgmlType.F16, 1) {
    @Override
    void put(float[] values, ByteBuffer out) {
      for (float value : values) {
        out.putShort(half(value));
      }
    }
  },
  BF16(GgmlType.BF16, 32) {
    @Override
    void put(float[] values, ByteBuffer out) {
      for (float value : values) {
        int bits = Float.floatToRawIntBits(value);
        // to the nearest, ties to even; a NaN stays one
        int rounded = Float.isNaN(value) ? bits | 64 << 16 : bits + 0x7fff + (bits >>> 16 & 1);
        out.putShort((short) (rounded >>> 16));
      }
    }
  },
  /** Blocks of 32: d = max |x| / 127 in half precision, then x / d to the nearest, ties away from zero. */
  Q8_0(GgmlType.Q8_0, 7) {
    @Override
    void put(float[] values, ByteBuffer out) {
      for (int at = 0; at < values.length; at += 32) {
        float largest = 0;
        for (int i = at; i < at + 32; i++) {
          largest = Math.max(largest, Math.abs(values[i]));
        }
        float d = largest / 127;
        float inverse = d == 0 ? 0 : 1 / d;
        out.putShort(half(d));
        for (int i = at; i < at + 32; i++) {
          float scaled = values[i] * inverse;
          float whole = (float) Math.floor(Math.abs(scaled) + 0.5);
          out.put((byte) Math.copySign(whole, scaled));
        }
      }
    }
  };

  private final GgmlType stored;
  private final int fileType;

  OutType(GgmlType stored, int fileType) {
    this.stored = stored;
    this.fileType = fileType;
  }

  /** The converter's {@code auto}: the 16-bit type that loses least of what is stored. */
  public static OutType auto(DType stored) {
    return stored == DType.BF16 ? BF16 : F16;
  }

  /** The number in {@code general.file_type} of a file mostly of this type. */
  public int fileType() {
    return fileType;
  }

  GgmlType stored() {
    return stored;
  }

  /** Whether rows of so many values consist of whole blocks. */
  boolean fits(long row) {
    return row % stored.blockValues() == 0;
  }

  /** Bytes of so many values, whole blocks. */
  long bytes(long values) {
    return values / stored.blockValues() * stored.blockBytes();
  }

  /** The values, whole blocks, as they stand in a file. */
  ByteBuffer encode(float[] values) {
    ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(bytes(values.length))).order(ByteOrder.LITTLE_ENDIAN);
    put(values, out);
    return out.flip();
  }

  abstract void put(float[] values, ByteBuffer out);

  /** Half precision, to the nearest, ties to even; beyond 65,520 infinity. */
  private static short half(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 16 & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      return (short) (sign | 0x7e00);
    }
    if (magnitude >= 0x477ff000) {
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x38800000) { // below 2^-14: multiples of 2^-24
      return (short) (sign | (int) Math.rint(Math.abs(value) * 0x1p24));
    }
    int rounded = magnitude + 0xfff + (magnitude >>> 13 & 1);
    return (short) (sign | rounded - 0x38000000 >>> 13);
  }
}
