package thanora.checkpoint;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/**
 * The element types of GGUF files that can be read: their number in the file, how many values a
 * block holds and how many bytes it takes.
 *
 * <p>Source: <a href="https://github.com/ggml-org/ggml/blob/master/include/ggml.h">ggml.h</a>.
 */
enum GgmlType {
  F32(0, 1, 4, GgmlBlocks::f32),
  F16(1, 1, 2, GgmlBlocks::f16),
  BF16(30, 1, 2, GgmlBlocks::bf16),
  Q4_0(2, 32, 18, GgmlBlocks::q4v0),
  Q4_1(3, 32, 20, GgmlBlocks::q4v1),
  Q5_0(6, 32, 22, GgmlBlocks::q5v0),
  Q5_1(7, 32, 24, GgmlBlocks::q5v1),
  Q8_0(8, 32, 34, GgmlBlocks::q8v0),
  Q4_K(12, 256, 144, GgmlBlocks::q4k),
  Q5_K(13, 256, 176, GgmlBlocks::q5k),
  Q6_K(14, 256, 210, GgmlBlocks::q6k);

  private static final Map<Integer, String> UNREADABLE = Map.ofEntries(
      Map.entry(9, "Q8_1"), Map.entry(10, "Q2_K"), Map.entry(11, "Q3_K"), Map.entry(15, "Q8_K"),
      Map.entry(16, "IQ2_XXS"), Map.entry(17, "IQ2_XS"), Map.entry(18, "IQ3_XXS"),
      Map.entry(19, "IQ1_S"), Map.entry(20, "IQ4_NL"), Map.entry(21, "IQ3_S"),
      Map.entry(22, "IQ2_S"), Map.entry(23, "IQ4_XS"), Map.entry(24, "I8"), Map.entry(25, "I16"),
      Map.entry(26, "I32"), Map.entry(27, "I64"), Map.entry(28, "F64"), Map.entry(29, "IQ1_M"),
      Map.entry(34, "TQ1_0"), Map.entry(35, "TQ2_0"), Map.entry(39, "MXFP4"));

  private final int id;
  private final int values;
  private final int bytes;
  private final Decoder decoder;

  /** Turns blocks into values. */
  private interface Decoder {
    void decode(byte[] in, int blocks, float[] out);
  }

  GgmlType(int id, int values, int bytes, Decoder decoder) {
    this.id = id;
    this.values = values;
    this.bytes = bytes;
    this.decoder = decoder;
  }

  static Optional<GgmlType> of(int id) {
    return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
  }

  /** Its number in a file. */
  int id() {
    return id;
  }

  /** The name of a type that cannot be read, for a message. */
  static String nameOf(int id) {
    return UNREADABLE.getOrDefault(id, "number " + Integer.toUnsignedString(id));
  }

  /** Values in a block. */
  int blockValues() {
    return values;
  }

  /** Bytes of a block. */
  int blockBytes() {
    return bytes;
  }

  /** Decodes the first {@code blocks} blocks of {@code in}. */
  void decode(byte[] in, int blocks, float[] out) {
    decoder.decode(in, blocks, out);
  }
}
