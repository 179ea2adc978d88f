package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One broken rule a test; the smallest file that breaks it. */
class GgufHeaderTest {
  @TempDir Path folder;

  @Test
  void readsEveryKindOfValue() {
    Bytes bytes = start(0, 13)
        .string("u8").u32(0).raw(new byte[] {-1}).string("i8").u32(1).raw(new byte[] {-1})
        .string("u16").u32(2).raw(new byte[] {-1, -1}).string("i16").u32(3).raw(new byte[] {-1, -1})
        .string("u32").u32(4).u32(-1).string("i32").u32(5).u32(-1).string("f32").u32(6).f32(1.5f)
        .string("bool").u32(7).raw(new byte[] {1}).string("text").u32(8).string("\u00e9")
        .string("array").u32(9).u32(5).u64(2).u32(7).u32(-7).string("u64").u32(10).u64(9)
        .string("i64").u32(11).u64(-9).string("f64").u32(12).u64(Double.doubleToRawLongBits(0.1));
    assertThat(read(bytes).metadata()).containsExactlyInAnyOrderEntriesOf(java.util.Map.ofEntries(
        java.util.Map.entry("u8", 255L), java.util.Map.entry("i8", -1L),
        java.util.Map.entry("u16", 65535L), java.util.Map.entry("i16", -1L),
        java.util.Map.entry("u32", 4294967295L), java.util.Map.entry("i32", -1L),
        java.util.Map.entry("f32", 1.5f), java.util.Map.entry("bool", true),
        java.util.Map.entry("text", "\u00e9"), java.util.Map.entry("array", List.of(7L, -7L)),
        java.util.Map.entry("u64", 9L), java.util.Map.entry("i64", -9L),
        java.util.Map.entry("f64", 0.1)));
  }

  @Test
  void placesTensorsFromTheAlignedEndOfTheHeader() {
    Bytes bytes = tensor(tensor(start(2, 0), "a", 0, 0, 3, 2), "b", 1, 32, 4)
        .align(32).raw(new byte[32 + 8]);
    GgufHeader header = read(bytes);
    assertThat(header.dataStart()).isEqualTo(128);
    assertThat(header.tensors().get("a").shape()).containsExactly(2, 3);
    assertThat(header.tensors().get("a").bytes()).isEqualTo(24);
    assertThat(header.tensors().get("b").position()).isEqualTo(128 + 32);
  }

  @Test
  void refusesAnotherMagic() {
    refuses(Bytes.empty().text("GGML").u32(3).u64(0).u64(0), "does not start with 'GGUF'");
    refuses(Bytes.empty().text("PK\u0003\u0004 and the rest"), "pickle");
    refuses(Bytes.empty().text("version https://git-lfs.github.com/spec/v1"), "Git LFS pointer");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4, -1})
  void refusesOtherVersions(int version) {
    refuses(Bytes.empty().text("GGUF").u32(version).u64(0).u64(0),
        "GGUF version " + Integer.toUnsignedString(version));
  }

  @Test
  void saysThatAFileIsBigEndian() {
    refuses(Bytes.empty().text("GGUF").u32(3 << 24).u64(0).u64(0), "big-endian");
  }

  @ParameterizedTest
  @ValueSource(longs = {2, 1L << 40, -1, Long.MIN_VALUE})
  void refusesCountsThatTheFileCannotHold(long count) {
    String shown = Long.toUnsignedString(count);
    refuses(Bytes.empty().text("GGUF").u32(3).u64(count).u64(0), shown + " tensors do not fit");
    refuses(Bytes.empty().text("GGUF").u32(3).u64(0).u64(count), shown
        + " metadata entries do not fit");
  }

  @ParameterizedTest
  @ValueSource(longs = {100, 1L << 62, -1})
  void refusesStringsAndArraysLongerThanTheFile(long length) {
    String shown = Long.toUnsignedString(length);
    refuses(
        start(0, 1).u64(length).raw(new byte[20]), shown + " bytes of a metadata key do not fit");
    refuses(start(0, 1).string("k").u32(8).u64(length).u64(0), shown + " bytes of value of k");
    refuses(start(0, 1).string("k").u32(9).u32(8).u64(length).u64(0), shown + " elements of k");
  }

  @Test
  void refusesNestedArraysBeyondALimit() {
    Bytes bytes = start(0, 1).string("k").u32(9);
    for (int i = 0; i < 20; i++) {
      bytes.u32(9).u64(1);
    }
    refuses(bytes, "nests arrays more than 4 deep");
  }

  @Test
  void refusesUnknownValueTypes() {
    refuses(start(0, 1).string("k").u32(13).u64(0), "value of k has type 13");
  }

  @Test
  void refusesBooleansThatAreNeither() {
    refuses(start(0, 1).string("k").u32(7).raw(new byte[] {2}), "not a boolean");
  }

  @Test
  void refusesTextThatIsNotUtf8() {
    refuses(start(0, 1).string("k").u32(8).u64(1).raw(new byte[] {-1}), "not UTF-8");
  }

  @Test
  void refusesDuplicateKeys() {
    refuses(
        start(0, 2).string("k").u32(4).u32(1).string("k").u32(4).u32(1), "key k is given twice");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3, 48, -1})
  void refusesAlignmentsThatAreNoPowerOfTwo(int alignment) {
    refuses(start(0, 1).string("general.alignment").u32(4).u32(alignment), "not a power of two");
  }

  @Test
  void refusesDuplicateTensors() {
    refuses(tensor(tensor(start(2, 0), "a", 0, 0, 1), "a", 0, 32, 1).align(32).raw(new byte[64]),
        "tensor a is given twice");
  }

  @Test
  void namesTensorTypesItCannotRead() {
    refuses(tensor(start(1, 0), "a", 10, 0, 256), "tensor a has type Q2_K");
    refuses(tensor(start(1, 0), "a", -1, 0, 256), "tensor a has type number 4294967295");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5, -1})
  void refusesOtherNumbersOfDimensions(int dimensions) {
    refuses(start(1, 0).string("a").u32(dimensions).raw(new byte[64]), "dimensions, 1 to 4");
  }

  @Test
  void refusesEmptyAndNegativeDimensions() {
    refuses(tensor(start(1, 0), "a", 0, 0, 0), "has a dimension of 0");
    refuses(tensor(start(1, 0), "a", 0, 0, -1), "has a dimension of 18446744073709551615");
  }

  @Test
  void refusesSizesThatOverflow() {
    refuses(tensor(start(1, 0), "a", 0, 0, 1L << 32, 1L << 32), "more than 2^63 bytes");
    refuses(tensor(start(1, 0), "a", 0, 0, 1L << 62), "more than 2^63 bytes");
  }

  @Test
  void refusesRowsThatBlocksDoNotFill() {
    refuses(tensor(start(1, 0), "a", 8, 0, 48, 2), "rows of 48 values, not a multiple of the 32");
  }

  @Test
  void refusesOffsetsThatAreNotAligned() {
    refuses(tensor(start(1, 0), "a", 0, 8, 1).align(32).raw(new byte[64]), "not a multiple");
    refuses(tensor(start(1, 0), "a", 0, -32, 1).align(32).raw(new byte[64]), "not a multiple");
  }

  @Test
  void refusesTensorsOutsideTheFile() {
    refuses(tensor(start(1, 0), "a", 0, 0, 9).align(32).raw(new byte[32]), "ends outside the file");
    refuses(tensor(start(1, 0), "a", 0, 1L << 62, 1).align(32).raw(new byte[32]), "ends outside");
  }

  @Test
  void refusesOverlap() {
    refuses(tensor(tensor(start(2, 0), "a", 0, 0, 16), "b", 0, 32, 1).align(32).raw(new byte[64]),
        "tensor b starts at 32, inside the tensor before it, which ends at 64");
  }

  @Test
  void refusesEveryTruncation() {
    byte[] whole = tensor(start(1, 1).string("k").u32(8).string("text"), "a", 0, 0, 2)
        .align(32).raw(new byte[8]).array();
    read(Bytes.empty().raw(whole));
    for (int length = 0; length < whole.length; length++) {
      Path path = Bytes.empty().raw(Arrays.copyOf(whole, length)).write(folder.resolve("t"));
      assertThatThrownBy(() -> read(path)).as("%d bytes", length)
          .isInstanceOf(CheckpointException.class);
    }
  }

  static Bytes start(long tensors, long keys) {
    return Bytes.empty().text("GGUF").u32(3).u64(tensors).u64(keys);
  }

  static Bytes tensor(Bytes bytes, String name, int type, long offset, long... innermostFirst) {
    bytes.string(name).u32(innermostFirst.length);
    Arrays.stream(innermostFirst).forEach(bytes::u64);
    return bytes.u32(type).u64(offset);
  }

  private GgufHeader read(Bytes bytes) {
    return read(bytes.write(folder.resolve("x.gguf")));
  }

  private static GgufHeader read(Path path) {
    try (FileBytes file = FileBytes.open(path)) {
      return GgufHeader.read(file);
    }
  }

  private void refuses(Bytes bytes, String reason) {
    Path path = bytes.write(folder.resolve("x.gguf"));
    assertThatThrownBy(() -> read(path))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(path.toString())
        .hasMessageContaining(reason)
        .message().doesNotContain("\n");
  }
}
