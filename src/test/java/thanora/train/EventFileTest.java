package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** scripts/interop reads the same files with TensorBoard itself. */
class EventFileTest {
  @TempDir Path folder;

  private void write(int resumed, int... steps) {
    try (EventFile events = EventFile.open(folder, resumed)) {
      for (int step : steps) {
        events.scalars(step, Map.of("train/loss", step / 4.0));
      }
    }
  }

  private Path file() throws IOException {
    assertThat(EventFile.files(folder)).hasSize(1);
    return EventFile.files(folder).get(0);
  }

  /** The events' bytes after the wall time. */
  private List<String> events() throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file())).order(ByteOrder.LITTLE_ENDIAN);
    List<String> events = new ArrayList<>();
    while (in.hasRemaining()) {
      byte[] event = new byte[Math.toIntExact(in.getLong())];
      in.getInt();
      in.get(event);
      in.getInt();
      assertThat(event[0]).isEqualTo((byte) 0x09);
      events.add(HexFormat.of().formatHex(event, 9, event.length));
    }
    return events;
  }

  /** step, then summary { value { tag, simple_value } }, as TensorFlow's event.proto numbers them. */
  private static String scalar(String step, String value) {
    return "10" + step + "2a13" + "0a11" + "0a0a" + hex("train/loss") + "15" + value;
  }

  private static String hex(String text) {
    return HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void eventsAreProtocolBuffersOfTensorFlow() throws IOException {
    write(0, 1, 300);
    assertThat(events()).containsExactly("1a0d" + hex("brain.Event:2"), "3a020801",
        scalar("01", "0000803e"), scalar("ac02", "00009642"));
  }

  /** The masked CRC32C of the length 24 as TensorFlow writes it before every first record. */
  @Test
  void lengthsHaveTheMaskedChecksum() throws IOException {
    write(0);
    assertThat(HexFormat.of().formatHex(Files.readAllBytes(file()), 0, 12))
        .isEqualTo("1800000000000000" + "a37f4b22");
  }

  @Test
  void aRunThatGoesOnHasEveryStepOnce() throws IOException {
    write(0, 1, 2, 3, 4);
    write(2, 3, 4, 5);
    assertThat(events().subList(2, 7)).containsExactly(scalar("01", "0000803e"), scalar("02", "0000003f"),
        scalar("03", "0000403f"), scalar("04", "0000803f"), scalar("05", "0000a03f"));
    assertThat(events()).hasSize(7);
  }

  @Test
  void aTornRecordAndWhatFollowsAreLeftOut() throws IOException {
    write(0, 1, 2, 3);
    byte[] bytes = Files.readAllBytes(file());
    bytes[bytes.length - 50] ^= 1; // in the record of step 2
    Files.write(file(), bytes);
    write(3, 4);
    assertThat(events()).hasSize(4).endsWith(scalar("01", "0000803e"), scalar("04", "0000803f"));
    Files.write(file(), new byte[] {1, 2, 3});
    write(3, 4);
    assertThat(events()).hasSize(3);
  }
}
