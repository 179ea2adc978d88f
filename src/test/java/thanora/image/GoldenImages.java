package thanora.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import thanora.Golden;

/** What scripts/golden/make_images.py wrote. */
final class GoldenImages {
  static final ObjectMapper JSON = new ObjectMapper();

  private final byte[] file = bytes(Golden.path("images/images.safetensors"));
  private final int data = 8 + (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
  private final JsonNode header;

  GoldenImages() throws IOException {
    header = JSON.readTree(Arrays.copyOfRange(file, 8, data));
  }

  static byte[] bytes(Path path) {
    try {
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static ImageSource source(String name) {
    return new ImageSource.ImageFile(Golden.path("images/files/" + name), "");
  }

  static JsonNode cases() throws IOException {
    return JSON.readTree(Golden.path("images/cases.json").toFile());
  }

  /** Names that begin so, without that. */
  List<String> names(String prefix) {
    List<String> names = new ArrayList<>();
    header.fieldNames().forEachRemaining(name -> {
      if (name.startsWith(prefix)) {
        names.add(name.substring(prefix.length()));
      }
    });
    return names;
  }

  boolean has(String name) {
    return header.has(name);
  }

  private byte[] raw(String name) {
    JsonNode offsets = header.get(name).get("data_offsets");
    return Arrays.copyOfRange(file, data + offsets.get(0).intValue(), data + offsets.get(1).intValue());
  }

  Rgb rgb(String name) {
    JsonNode shape = header.get(name).get("shape");
    return new Rgb(shape.get(1).intValue(), shape.get(0).intValue(), raw(name));
  }

  float[] floats(String name) {
    byte[] raw = raw(name);
    float[] floats = new float[raw.length / 4];
    ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
    return floats;
  }
}
