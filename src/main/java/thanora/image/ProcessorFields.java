package thanora.image;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The fields of a processor's file. One that is absent or null has the default of its class in transformers.
 *
 * @param file they are of, for messages
 * @param node that holds them
 */
record ProcessorFields(String file, JsonNode node) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** More is a slip: towers read some hundreds of pixels. */
  private static final int MAX_EDGE = 8192;

  /**
   * Reads a file, if it is there.
   *
   * @throws ImageException if it is no JSON object
   */
  static Optional<ProcessorFields> read(Path path) {
    if (!Files.exists(path)) {
      return Optional.empty();
    }
    try {
      if (JSON.readTree(Files.readString(path)) instanceof ObjectNode object) {
        return Optional.of(new ProcessorFields(path.toString(), object));
      }
      throw new ImageException(path + " is no JSON object; get the model's folder again");
    } catch (JsonProcessingException | MalformedInputException e) {
      throw new ImageException(path + " is no valid JSON; get the model's folder again", e);
    } catch (IOException e) {
      throw new ImageException(path + " cannot be read (" + e.getMessage() + ")", e);
    }
  }

  boolean has(String name) {
    return node.hasNonNull(name);
  }

  String text(String name, String otherwise) {
    return has(name) ? node.get(name).asText() : otherwise;
  }

  boolean flag(String name, boolean otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    require(name, node.get(name).isBoolean(), "true or false");
    return node.get(name).booleanValue();
  }

  int number(String name, int otherwise) {
    return has(name) ? number(name, node.get(name)) : otherwise;
  }

  private int number(String name, JsonNode value) {
    require(name, value.isIntegralNumber() && value.canConvertToInt() && value.intValue() >= 0,
        "a whole number, 0 or more");
    return value.intValue();
  }

  double real(String name, double otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    require(name, node.get(name).isNumber(), "a number");
    return node.get(name).doubleValue();
  }

  /** One number for all channels, or one for each. */
  List<Double> channels(String name, List<Double> otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    JsonNode value = node.get(name);
    List<Double> numbers = new ArrayList<>();
    for (int channel = 0; channel < 3; channel++) {
      JsonNode one = value.isArray() ? value.path(channel) : value;
      require(name, one.isNumber() && (!value.isArray() || value.size() == 3), "a number or a list of three");
      numbers.add(one.doubleValue());
    }
    return List.copyOf(numbers);
  }

  Resampling resample(Resampling otherwise) {
    int filter = number("resample", otherwise.ordinal());
    require("resample", filter < Resampling.values().length, "a filter of Pillow, 0 to 5");
    return Resampling.values()[filter];
  }

  /**
   * A size: one number, a pair of height and width, or an object.
   *
   * @param square whether one number is height and width, not the shortest edge
   */
  ImageSize size(String name, boolean square, ImageSize otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    ImageSize size = size(name, node.get(name), square);
    require(name, size.isExact() || size.shortestEdge() > 0 || size.longestEdge() > 0 || size.isWithin(),
        "height and width, shortest_edge, longest_edge, both edges, or max_height and max_width");
    require(name, size.largest() <= MAX_EDGE, MAX_EDGE + " at most");
    return size;
  }

  private ImageSize size(String name, JsonNode value, boolean square) {
    if (value.isNumber()) {
      int edge = number(name, value);
      return square ? ImageSize.exactly(edge, edge) : ImageSize.shortestEdge(edge);
    }
    if (value.isArray() && value.size() == 2) {
      return ImageSize.exactly(number(name, value.get(0)), number(name, value.get(1)));
    }
    require(name, value.isObject() && !value.isEmpty(), "a number or an object of numbers");
    ProcessorFields edges = new ProcessorFields(file + ": " + name, value);
    return new ImageSize(edges.number("height", 0), edges.number("width", 0),
        edges.number("shortest_edge", 0), edges.number("longest_edge", 0), edges.number("max_height", 0),
        edges.number("max_width", 0));
  }

  void require(String name, boolean right, String rule) {
    if (!right) {
      throw new ImageException(file + ": " + name + " is " + node.path(name) + "; it must be " + rule);
    }
  }
}
