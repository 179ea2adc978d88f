package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One broken rule a test; the smallest file that breaks it. */
class SafetensorsHeaderTest {
  private static final String F32_2 = "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

  @TempDir Path folder;

  @Test
  void acceptsTensorsInAnyOrderWithTrailingSpacesAndEmptyOnes() {
    Path path =
        file("{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]},\"a\":" + F32_2
        + ",\"none\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[8,8]}}   ", 11);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.names()).containsExactly("b", "a", "none");
      assertThat(file.shape("none")).containsExactly(0, 4);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7})
  void refusesFilesShorterThanALength(int bytes) {
    refuses(Bytes.empty().raw(new byte[bytes]), bytes + " bytes");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, Long.MIN_VALUE, 100_000_001, Long.MAX_VALUE})
  void refusesAHeaderLengthOutsideItsLimits(long length) {
    refuses(Bytes.empty().u64(length).text("{}"), "header length " + Long.toUnsignedString(length));
  }

  @Test
  void refusesAHeaderLongerThanTheFile() {
    refuses(Bytes.empty().u64(3).text("{}"), "header length 3 exceeds the file's 10 bytes");
  }

  @Test
  void refusesAHeaderThatDoesNotStartWithABrace() {
    refuses(Bytes.safetensors(" {}", 0), "does not start with '{'");
  }

  @Test
  void refusesAHeaderThatIsNotUtf8() {
    refuses(Bytes.empty().u64(3).raw(new byte[] {'{', (byte) 0xff, '}'}), "not UTF-8");
  }

  @Test
  void refusesAHeaderThatIsNotJson() {
    refuses("{\"a\":", 0, "not valid JSON");
  }

  @Test
  void refusesTextAfterTheObject() {
    refuses("{\"a\":" + F32_2 + "} {}", 8, "after its JSON object");
  }

  @Test
  void refusesDuplicateTensors() {
    refuses("{\"a\":" + F32_2 + ",\"a\":" + F32_2 + "}", 8, "Duplicate field 'a'");
  }

  @Test
  void refusesDuplicateFieldsOfATensor() {
    refuses("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
        "Duplicate field 'dtype'");
  }

  @Test
  void refusesUnknownFieldsOfATensor() {
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8,
        "exactly dtype");
  }

  @Test
  void refusesATensorWithoutShape() {
    refuses("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "exactly dtype");
  }

  @Test
  void namesAnUnknownDtype() {
    refuses("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2,
        "tensor a has dtype F8_E4M3");
  }

  @Test
  void refusesDeepNesting() {
    refuses("{\"a\":" + "[".repeat(100) + "]".repeat(100) + "}", 0, "not valid JSON");
  }

  @Test
  void refusesControlCharactersInNames() {
    refuses("{\"a\\u0000\":" + F32_2 + "}", 8, "control characters");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "1.0", "1e3", "9223372036854775808", "\"2\"", "null"})
  void refusesSizesThatAreNotNaturalNumbers(String size) {
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[" + size + "],\"data_offsets\":[0,8]}}", 8,
        "tensor a: shape holds");
  }

  @Test
  void refusesAShapeWhoseSizeOverflows() {
    refuses(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
        "more than 2^63 bytes");
  }

  @Test
  void refusesOffsetsThatDoNotFitTheShape() {
    refuses(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "needs 12 bytes");
  }

  @Test
  void refusesOffsetsThatRunBackwards() {
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "give -8");
  }

  @Test
  void refusesOverlap() {
    refuses(
        "{\"a\":" + F32_2 + ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
        "tensor b starts at 4, inside");
  }

  @Test
  void refusesTwoTensorsOnTheSameBytes() {
    refuses("{\"a\":" + F32_2 + ",\"b\":" + F32_2 + "}", 8, "starts at 0, inside");
  }

  @Test
  void refusesAHole() {
    refuses("{\"a\":" + F32_2
        + ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]}}", 20,
        "tensor b starts at 12, leaving a hole after 8");
  }

  @Test
  void refusesTrailingBytes() {
    refuses("{\"a\":" + F32_2 + "}", 9, "1 bytes after its last tensor");
  }

  @Test
  void refusesMetadataThatIsNotText() {
    refuses("{\"__metadata__\":{\"format\":1}}", 0, "__metadata__ entry format");
  }

  @Test
  void refusesEveryTruncation() {
    byte[] whole = Bytes.safetensors("{\"a\":" + F32_2 + "}", 8).array();
    for (int length = 0; length < whole.length; length++) {
      Path path =
          Bytes.empty().raw(java.util.Arrays.copyOf(whole, length)).write(folder.resolve("t"));
      assertThatThrownBy(() -> SafetensorsFile.open(path)).as("%d bytes", length)
          .isInstanceOf(CheckpointException.class);
    }
  }

  @Test
  void saysWhatOtherFilesAre() {
    refuses(Bytes.empty().text("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
        "Git LFS pointer");
    refuses(Bytes.empty().text("\n<!DOCTYPE html><html>"), "HTML page");
    refuses(Bytes.empty().text("PK\u0003\u0004 and the rest of an archive"), "pickle");
    refuses(Bytes.empty().raw(new byte[] {(byte) 0x80, 2, '}', 'q', 0, 'X', 0, 0, 0, 0}), "pickle");
    refuses(Bytes.empty().text("GGUF").u32(3).u64(0).u64(0), "GGUF file");
  }

  @Test
  void aHeaderOf128BytesIsNotTakenForAPickle() {
    String header = "{\"a\":" + F32_2 + "}";
    Path path = file(header + " ".repeat(0x280 - header.length()), 8);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.names()).containsExactly("a");
    }
  }

  private Path file(String header, int dataBytes) {
    return Bytes.safetensors(header, dataBytes).write(folder.resolve("x.safetensors"));
  }

  private void refuses(String header, int dataBytes, String reason) {
    refuses(Bytes.safetensors(header, dataBytes), reason);
  }

  private void refuses(Bytes bytes, String reason) {
    Path path = bytes.write(folder.resolve("x.safetensors"));
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(path.toString())
        .hasMessageContaining(reason)
        .message().doesNotContain("\n");
  }
}
