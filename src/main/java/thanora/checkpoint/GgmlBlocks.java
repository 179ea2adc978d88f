package thanora.checkpoint;

/**
 * The block layouts of ggml, decoded to float32 with the same single-precision operations.
 *
 * <p>Blocks of 32 values: a half-precision scale d (and a minimum m), then quants; value j sits in
 * the low nibble of byte j, value j + 16 in its high nibble, fifth bits in a 32-bit mask.
 *
 * <p>Blocks of 256 ("K"): 8 groups of 32 (Q6_K: 16 of 16) with small integer scales of their own.
 *
 * <p>Source: <a href="https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h">
 * ggml-common.h</a> for the layouts.
 */
final class GgmlBlocks {
  private static final float[] HALF = halves();

  private GgmlBlocks() {}

  static void f32(byte[] in, int count, float[] out) {
    for (int i = 0; i < count; i++) {
      out[i] = Float.intBitsToFloat(u16(in, 4 * i) | u16(in, 4 * i + 2) << 16);
    }
  }

  static void f16(byte[] in, int count, float[] out) {
    for (int i = 0; i < count; i++) {
      out[i] = half(in, 2 * i);
    }
  }

  static void bf16(byte[] in, int count, float[] out) {
    for (int i = 0; i < count; i++) {
      out[i] = Float.intBitsToFloat(u16(in, 2 * i) << 16);
    }
  }

  /** d (2), quants (16): d (q − 8). */
  static void q4v0(byte[] in, int blocks, float[] out) {
    for (int b = 0, at = 0, to = 0; b < blocks; b++, at += 18, to += 32) {
      float d = half(in, at);
      for (int j = 0; j < 16; j++) {
        int q = in[at + 2 + j];
        out[to + j] = d * ((q & 15) - 8);
        out[to + j + 16] = d * ((q >> 4 & 15) - 8);
      }
    }
  }

  /** d (2), m (2), quants (16): d q + m. */
  static void q4v1(byte[] in, int blocks, float[] out) {
    for (int b = 0, at = 0, to = 0; b < blocks; b++, at += 20, to += 32) {
      float d = half(in, at);
      float m = half(in, at + 2);
      for (int j = 0; j < 16; j++) {
        int q = in[at + 4 + j];
        out[to + j] = d * (q & 15) + m;
        out[to + j + 16] = d * (q >> 4 & 15) + m;
      }
    }
  }

  /** d (2), fifth bits (4), quants (16): d (q − 16). */
  static void q5v0(byte[] in, int blocks, float[] out) {
    for (int b = 0, at = 0, to = 0; b < blocks; b++, at += 22, to += 32) {
      float d = half(in, at);
      int high = u16(in, at + 2) | u16(in, at + 4) << 16;
      for (int j = 0; j < 16; j++) {
        int q = in[at + 6 + j];
        out[to + j] = d * ((q & 15 | (high >>> j & 1) << 4) - 16);
        out[to + j + 16] = d * ((q >> 4 & 15 | (high >>> j + 16 & 1) << 4) - 16);
      }
    }
  }

  /** d (2), m (2), fifth bits (4), quants (16): d q + m. */
  static void q5v1(byte[] in, int blocks, float[] out) {
    for (int b = 0, at = 0, to = 0; b < blocks; b++, at += 24, to += 32) {
      float d = half(in, at);
      float m = half(in, at + 2);
      int high = u16(in, at + 4) | u16(in, at + 6) << 16;
      for (int j = 0; j < 16; j++) {
        int q = in[at + 8 + j];
        out[to + j] = d * (q & 15 | (high >>> j & 1) << 4) + m;
        out[to + j + 16] = d * (q >> 4 & 15 | (high >>> j + 16 & 1) << 4) + m;
      }
    }
  }

  /** d (2), signed quants (32): d q. */
  static void q8v0(byte[] in, int blocks, float[] out) {
    for (int b = 0, at = 0, to = 0; b < blocks; b++, at += 34, to += 32) {
      float d = half(in, at);
      for (int j = 0; j < 32; j++) {
        out[to + j] = d * in[at + 2 + j];
      }
    }
  }

  /** d (2), dmin (2), scales (12), quants (128): groups 2g and 2g + 1 share 32 bytes. */
  static void q4k(byte[] in, int blocks, float[] out) {
    for (int b = 0, at = 0, to = 0; b < blocks; b++, at += 144, to += 256) {
      float d = half(in, at);
      float dmin = half(in, at + 2);
      for (int group = 0; group < 8; group++) {
        float scale = d * scale(in, at + 4, group);
        float min = dmin * minimum(in, at + 4, group);
        int quants = at + 16 + 32 * (group / 2);
        int shift = 4 * (group & 1);
        for (int j = 0; j < 32; j++) {
          out[to + 32 * group + j] = scale * (in[quants + j] >> shift & 15) - min;
        }
      }
    }
  }

  /** d (2), dmin (2), scales (12), fifth bits (32: bit g of byte j), quants (128) as Q4_K. */
  static void q5k(byte[] in, int blocks, float[] out) {
    for (int b = 0, at = 0, to = 0; b < blocks; b++, at += 176, to += 256) {
      float d = half(in, at);
      float dmin = half(in, at + 2);
      for (int group = 0; group < 8; group++) {
        float scale = d * scale(in, at + 4, group);
        float min = dmin * minimum(in, at + 4, group);
        int quants = at + 48 + 32 * (group / 2);
        int shift = 4 * (group & 1);
        for (int j = 0; j < 32; j++) {
          int q = in[quants + j] >> shift & 15 | (in[at + 16 + j] >> group & 1) << 4;
          out[to + 32 * group + j] = scale * q - min;
        }
      }
    }
  }

  /**
   * Low nibbles (128), high bit pairs (64), signed scales of 16 values (16), d (2): d s (q − 32).
   *
   * <p>Each half of 128 values is four runs of 32: runs 0 and 2 in the low and high nibbles of the
   * first 32 low bytes, runs 1 and 3 in those of the next 32; run r has
   * bits 2r of the 32 high bytes.
   */
  static void q6k(byte[] in, int blocks, float[] out) {
    for (int b = 0, at = 0, to = 0; b < blocks; b++, at += 210, to += 256) {
      float d = half(in, at + 208);
      for (int run = 0; run < 8; run++) {
        int side = run / 4;
        int low = at + 64 * side + 32 * (run & 1);
        int shift = 4 * (run >> 1 & 1);
        int high = at + 128 + 32 * side;
        for (int j = 0; j < 32; j++) {
          float scale = d * in[at + 192 + 2 * run + j / 16];
          int q = in[low + j] >> shift & 15 | (in[high + j] >> 2 * (run & 3) & 3) << 4;
          out[to + 32 * run + j] = scale * (q - 32);
        }
      }
    }
  }

  /**
   * The 6-bit scale of a group: for groups 0 to 3 the low bits of byte g; for 4 to 7 the low nibble
   * of byte g + 4 below the top two bits of byte g − 4.
   */
  private static int scale(byte[] in, int at, int group) {
    return group < 4 ? in[at + group] & 63
        : in[at + group + 4] & 15 | (in[at + group - 4] >> 6 & 3) << 4;
  }

  /** The 6-bit minimum of a group: byte g + 4, or its high nibble below the top bits of byte g. */
  private static int minimum(byte[] in, int at, int group) {
    return group < 4 ? in[at + group + 4] & 63
        : in[at + group + 4] >> 4 & 15 | (in[at + group] >> 6 & 3) << 4;
  }

  private static int u16(byte[] in, int at) {
    return in[at] & 255 | (in[at + 1] & 255) << 8;
  }

  private static float half(byte[] in, int at) {
    return HALF[u16(in, at)];
  }

  /** All half-precision numbers: sign, 5 bits of exponent, 10 of fraction. */
  private static float[] halves() {
    float[] table = new float[1 << 16];
    for (int bits = 0; bits < table.length; bits++) {
      int exponent = bits >> 10 & 31;
      int fraction = bits & 1023;
      float magnitude = switch (exponent) {
        case 0 -> fraction * 0x1p-24f;
        case 31 -> fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
        default -> Float.intBitsToFloat(exponent + 112 << 23 | fraction << 13);
      };
      table[bits] = bits < 0x8000 ? magnitude : -magnitude;
    }
    return table;
  }
}
