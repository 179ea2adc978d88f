package thanora.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * What a {@code config.json} says of the rotary frequencies of one kind of layer, in the old form
 * ({@code rope_theta}, {@code rope_scaling}) or the new one ({@code rope_parameters}, also by kind of layer).
 *
 * <p>Sources: the papers named below; defaults as in transformers' modeling_rope_utils.
 */
final class RopeReader {
  private final ConfigFields config;
  private final JsonNode scaling;
  private final boolean ofLayerType;
  private final double theta;
  private final int width;

  /**
   * Reads for one kind of layer.
   *
   * @param headDim values of a head
   */
  RopeReader(ConfigFields config, String layerType, int headDim) {
    this.config = config;
    JsonNode parameters = config.get("rope_parameters");
    boolean byType = parameters.has(ModelConfig.FULL) || parameters.has(ModelConfig.SLIDING);
    this.ofLayerType = parameters.path(layerType).isObject();
    JsonNode given = byType ? parameters.path(layerType) : parameters;
    this.scaling = config.get("rope_scaling").isObject() ? config.get("rope_scaling") : given;
    this.theta = given.path("rope_theta").asDouble(config.number("rope_theta", 10000));
    double rotated = given.path("partial_rotary_factor").asDouble(config.number("partial_rotary_factor", 1));
    this.width = (int) (headDim * rotated);
    if (width < 2 || width % 2 != 0) {
      throw new IllegalArgumentException("config.json: " + width + " of the " + headDim
          + " values of a head are rotated; rotary positions need pairs");
    }
  }

  /** Whether this kind of layer has parameters of its own. */
  boolean isOfLayerType() {
    return ofLayerType;
  }

  /** Values of a head that are turned. */
  int width() {
    return width;
  }

  /** The name of the scaling. */
  String type() {
    return scaling.path("rope_type").asText(scaling.path("type").asText("default"));
  }

  RopeConfig read() {
    return named(type());
  }

  /**
   * The frequencies under the scaling of that name.
   *
   * @throws IllegalArgumentException naming a scaling that is not known, or a value that it lacks
   */
  RopeConfig named(String type) {
    return switch (type) {
      // dynamic changes nothing up to max_position_embeddings, and rows are never longer
      case "default", "dynamic" -> RopeConfig.plain(theta, width);
      case "linear" -> RopeConfig.of(each(i -> plain(i) / number("factor", 1)), 1);
      case "llama3" -> llama3();
      case "yarn" -> yarn();
      case "longrope" -> longRope();
      default -> throw new IllegalArgumentException("config.json: rope_scaling " + type
          + " is not supported; supported are default, linear, dynamic, llama3, yarn and longrope");
    };
  }

  private double plain(int pair) {
    return Math.pow(theta, -2.0 * pair / width);
  }

  private List<Double> each(IntToDoubleFunction frequency) {
    return IntStream.range(0, width / 2).mapToObj(frequency::applyAsDouble).toList();
  }

  private double number(String field, double otherwise) {
    return scaling.path(field).asDouble(otherwise);
  }

  /** Tokens of the longest rows the model had seen before its frequencies were changed. */
  private int original() {
    JsonNode own = config.get("original_max_position_embeddings");
    return (own.canConvertToInt() ? own : scaling.path("original_max_position_embeddings")).asInt(maxPositions());
  }

  private int maxPositions() {
    return config.optional("max_position_embeddings").orElse(ModelConfig.DEFAULT_POSITIONS);
  }

  /** Long waves slowed by {@code factor}, short ones kept, a linear blend between (Llama 3.1). */
  private RopeConfig llama3() {
    double low = number("low_freq_factor", 1);
    double high = number("high_freq_factor", 4);
    return RopeConfig.of(each(i -> {
      double turns = original() * plain(i) / (2 * Math.PI);
      return blend(plain(i), (turns - low) / (high - low));
    }), 1);
  }

  /** YaRN (arXiv 2309.00071): as before, with the blend linear in the pair's number, and sharper scores. */
  private RopeConfig yarn() {
    double from = turningPair(number("beta_fast", 32));
    double to = turningPair(number("beta_slow", 1));
    if (scaling.path("truncate").asBoolean(true)) {
      from = Math.floor(from);
      to = Math.ceil(to);
    }
    double first = Math.max(from, 0);
    double last = Math.min(to, width - 1);
    double length = first == last ? 0.001 : last - first;
    return RopeConfig.of(each(i -> blend(plain(i), 1 - (i - first) / length)), yarnFactor());
  }

  /** The pair, as a fraction, that turns that often in the original length. */
  private double turningPair(double turns) {
    return width * Math.log(original() / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  }

  private double yarnFactor() {
    double factor = factor();
    boolean both = number("mscale", 0) != 0 && number("mscale_all_dim", 0) != 0;
    return number("attention_factor", both
        ? sharpness(factor, number("mscale", 1)) / sharpness(factor, number("mscale_all_dim", 1))
        : sharpness(factor, 1));
  }

  private static double sharpness(double factor, double scale) {
    return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  }

  private double blend(double frequency, double kept) {
    double part = Math.min(1, Math.max(0, kept));
    return (1 - part) * frequency / factor() + part * frequency;
  }

  private double factor() {
    return number("factor", (double) maxPositions() / original());
  }

  /** LongRoPE (arXiv 2402.13753): a divisor for each pair, others for long rows. */
  private RopeConfig longRope() {
    List<Double> shortOnes = divisors("short_factor");
    List<Double> longOnes = divisors("long_factor");
    double sharp = factor() <= 1 ? 1 : Math.sqrt(1 + Math.log(factor()) / Math.log(original()));
    return new RopeConfig(each(i -> plain(i) / shortOnes.get(i)), each(i -> plain(i) / longOnes.get(i)),
        original(), number("attention_factor", sharp));
  }

  private List<Double> divisors(String field) {
    JsonNode list = scaling.has(field) ? scaling.get(field) : MissingNode.getInstance();
    List<Double> divisors = new ArrayList<>();
    list.forEach(value -> divisors.add(value.asDouble()));
    if (divisors.size() != width / 2 || divisors.stream().anyMatch(value -> !(value > 0))) {
      throw new IllegalArgumentException("config.json: " + field + " of rope_scaling longrope is not "
          + width / 2 + " positive numbers, one for each rotated pair of a head");
    }
    return divisors;
  }
}
