package thanora.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import thanora.tensor.DType;

/**
 * The header of a safetensors file, believed only as far as the file bears it out.
 *
 * <p>Layout: the length of the header as an unsigned 64-bit little-endian number, the header as a
 * JSON object of {@code name: {dtype, shape, data_offsets}}, the data. Data must cover the rest of
 * the file without overlap, hole or trailing bytes, in any order.
 */
final class SafetensorsHeader {
  /** The limit of the reference implementation. */
  static final long MAX_BYTES = 100_000_000;

  private static final ObjectMapper STRICT = Json.mapper(8);

  private final FileBytes file;
  private final Map<String, Slot> slots = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private long dataStart;

  /** Where a tensor's bytes are, from the start of the file. */
  record Slot(DType dtype, long[] shape, long position, long bytes) {}

  private SafetensorsHeader(FileBytes file) {
    this.file = file;
  }

  static SafetensorsHeader read(FileBytes file) {
    SafetensorsHeader header = new SafetensorsHeader(file);
    header.parse(header.json());
    header.checkLayout();
    return header;
  }

  Map<String, Slot> slots() {
    return slots;
  }

  Map<String, String> metadata() {
    return metadata;
  }

  /** The position of the first byte of data. */
  long dataStart() {
    return dataStart;
  }

  private String json() {
    byte[] head = file.head(ForeignFile.HEAD);
    if (head.length < 9 || head[8] != '{') {
      ForeignFile.describe(head).ifPresent(what -> {
        throw file.fault(what);
      });
    }
    if (head.length < 8) {
      throw file.fault("has " + head.length + " bytes, a safetensors file has at least 8");
    }
    long length = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length <= 0 || length > MAX_BYTES) {
      throw file.fault("header length " + Long.toUnsignedString(length) + " is not between 1 and "
          + MAX_BYTES + "; this is not a safetensors file");
    }
    if (length > file.size() - 8) {
      throw file.fault("header length " + length + " exceeds the file's " + file.size()
          + " bytes; the file is truncated or not safetensors");
    }
    if (head[8] != '{') {
      throw file.fault("header does not start with '{'; this is not a safetensors file");
    }
    dataStart = 8 + length;
    return Json.utf8(file.path() + ": header", ByteBuffer.wrap(file.read(8, (int) length)));
  }

  private void parse(String json) {
    try (JsonParser parser = STRICT.createParser(json)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        JsonNode value = STRICT.readTree(parser);
        if (name.equals("__metadata__")) {
          readMetadata(value);
        } else {
          slots.put(checkName(name), slot(name, value));
        }
      }
      if (parser.nextToken() != null) {
        throw file.fault("header holds text after its JSON object");
      }
    } catch (JsonProcessingException e) {
      throw new CheckpointException(
          file.path() + ": header is not valid JSON (" + Json.reason(e) + ")", e);
    } catch (IOException e) {
      throw new CheckpointException(file.path() + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private void readMetadata(JsonNode node) {
    if (!node.isObject()) {
      throw file.fault("__metadata__ is not an object of strings");
    }
    node.properties().forEach(entry -> {
      if (!entry.getValue().isTextual()) {
        throw file.fault("__metadata__ entry " + entry.getKey() + " is not a string");
      }
      metadata.put(entry.getKey(), entry.getValue().textValue());
    });
  }

  private String checkName(String name) {
    if (name.isEmpty() || name.chars().anyMatch(Character::isISOControl)) {
      throw file.fault("a tensor's name is empty or holds control characters");
    }
    return name;
  }

  private Slot slot(String name, JsonNode node) {
    if (!node.isObject() || node.size() != 3 || !node.path("dtype").isTextual()
        || !node.path("shape").isArray() || !node.path("data_offsets").isArray()
        || node.path("data_offsets").size() != 2) {
      throw file.fault("tensor " + name + " must have exactly dtype, shape and two data_offsets");
    }
    DType dtype = dtype(name, node.get("dtype").textValue());
    long[] shape = naturals(name, "shape", node.get("shape"));
    long[] offsets = naturals(name, "data_offsets", node.get("data_offsets"));
    long bytes = bytes(name, dtype, shape);
    if (offsets[1] - offsets[0] != bytes) {
      throw file.fault("tensor " + name + " of shape " + Arrays.toString(shape) + " and dtype "
          + dtype + " needs " + bytes + " bytes, data_offsets give " + (offsets[1] - offsets[0]));
    }
    return new Slot(dtype, shape, offsets[0], bytes);
  }

  private DType dtype(String name, String value) {
    for (DType dtype : DType.values()) {
      if (dtype.name().equals(value)) {
        return dtype;
      }
    }
    throw file.fault(
        "tensor " + name + " has dtype " + value + ", which is not supported; use one of "
        + Arrays.toString(DType.values()));
  }

  private long[] naturals(String name, String field, JsonNode array) {
    long[] values = new long[array.size()];
    for (int i = 0; i < values.length; i++) {
      JsonNode value = array.get(i);
      if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
        throw file.fault("tensor " + name + ": " + field + " holds " + value
            + ", not an integer from 0 to 2^63 - 1");
      }
      values[i] = value.longValue();
    }
    return values;
  }

  private long bytes(String name, DType dtype, long[] shape) {
    try {
      long bytes = dtype.bytes();
      for (long size : shape) {
        bytes = Math.multiplyExact(bytes, size);
      }
      return bytes;
    } catch (ArithmeticException e) {
      throw new CheckpointException(file.path() + ": tensor " + name + " of shape "
          + Arrays.toString(shape) + " has more than 2^63 bytes", e);
    }
  }

  /** Also moves positions from the start of the data to the start of the file. */
  private void checkLayout() {
    List<Map.Entry<String, Slot>> sorted = slots.entrySet().stream()
        .sorted(Comparator.comparingLong((Map.Entry<String, Slot> e) -> e.getValue().position())
            .thenComparingLong(e -> e.getValue().bytes()))
        .toList();
    long end = 0;
    for (Map.Entry<String, Slot> entry : sorted) {
      Slot slot = entry.getValue();
      if (slot.position() != end) {
        throw file.fault("tensor " + entry.getKey() + " starts at " + slot.position()
            + (slot.position() < end ? ", inside the tensor before it, which ends at "
                : ", leaving a hole after ") + end);
      }
      end += slot.bytes();
      if (end > file.size() - dataStart) {
        throw file.fault(
            "tensor " + entry.getKey() + " ends at byte " + end + " of the data, the file"
            + " has " + (file.size() - dataStart) + "; it is truncated");
      }
    }
    if (end != file.size() - dataStart) {
      throw file.fault("holds " + (file.size() - dataStart - end) + " bytes after its last tensor");
    }
    slots.replaceAll((name, slot) ->
        new Slot(slot.dtype(), slot.shape(), dataStart + slot.position(), slot.bytes()));
  }
}
