package thanora.checkpoint;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;
import java.util.stream.IntStream;

/** The fields of {@code config.json} on rotary positions, from the metadata and tensors of a GGUF file. */
final class GgufRope {
  private final GgufHeader header;
  private final GgufMetadata metadata;
  private final long pairs;

  /**
   * Reads them.
   *
   * @param rotated values of a head that are turned
   */
  GgufRope(GgufHeader header, GgufMetadata metadata, long rotated) {
    this.header = header;
    this.metadata = metadata;
    this.pairs = rotated / 2;
  }

  void addTo(ObjectNode config) {
    config.put("rope_theta", theta());
    if (header.tensors().containsKey(GgufNames.ROPE_FACTORS)) {
      addLlama3(config);
    } else if (header.tensors().containsKey(GgufNames.LONG_FACTORS)) {
      addLongRope(config);
    } else {
      addNamed(config);
    }
  }

  private double theta() {
    return metadata.number(metadata.key("rope.freq_base")).orElse(10000.0);
  }

  private void addNamed(ObjectNode config) {
    String type = metadata.text(metadata.key("rope.scaling.type")).orElse("none");
    if (type.equals("none")) {
      return;
    }
    if (!type.equals("linear") && !type.equals("yarn")) {
      throw metadata.fault("has rope scaling " + type + ", which is not supported");
    }
    ObjectNode scaling = config.putObject("rope_scaling");
    scaling.put("rope_type", type);
    scaling.put("factor", metadata.number(metadata.key("rope.scaling.factor"))
        .orElseThrow(() -> metadata.fault("has rope scaling without a factor")));
    metadata.integer(metadata.key("rope.scaling.original_context_length"))
        .ifPresent(length -> scaling.put("original_max_position_embeddings", length));
  }

  /** Divisors of the frequencies for short rows and for long ones (Phi-3). */
  private void addLongRope(ObjectNode config) {
    ObjectNode scaling = config.putObject("rope_scaling");
    scaling.put("rope_type", "longrope");
    metadata.integer(metadata.key("rope.scaling.original_context_length"))
        .ifPresent(length -> config.put("original_max_position_embeddings", length));
    metadata.number(metadata.key("rope.scaling.attn_factor"))
        .ifPresent(factor -> scaling.put("attention_factor", factor));
    putAll(scaling.putArray("short_factor"), factors(GgufNames.SHORT_FACTORS));
    putAll(scaling.putArray("long_factor"), factors(GgufNames.LONG_FACTORS));
  }

  private static void putAll(ArrayNode array, float[] values) {
    for (float value : values) {
      array.add(Double.parseDouble(Float.toString(value)));
    }
  }

  /**
   * llama.cpp stores Llama 3's scaling as divisors of the frequencies, one for each pair of values.
   * All released models use the bounds 1 and 4, so the original length is the power of two that
   * gives these divisors.
   */
  private void addLlama3(ObjectNode config) {
    float[] divisors = factors(GgufNames.ROPE_FACTORS);
    double factor =
        IntStream.range(0, divisors.length).mapToDouble(i -> divisors[i]).max().orElse(1);
    if (IntStream.range(0, divisors.length).allMatch(i -> divisors[i] == 1)) {
      return;
    }
    long original = IntStream.rangeClosed(4, 24).mapToLong(power -> 1L << power)
        .filter(length -> givesDivisors(divisors, factor, length)).findFirst()
        .orElseThrow(() -> metadata.fault(GgufNames.ROPE_FACTORS
            + " holds no Llama 3 scaling with bounds 1 and 4; other scalings are not supported"));
    ObjectNode scaling = config.putObject("rope_scaling");
    scaling.put("rope_type", "llama3").put("factor", factor);
    scaling.put("low_freq_factor", 1.0).put("high_freq_factor", 4.0);
    scaling.put("original_max_position_embeddings", original);
  }

  private float[] factors(String name) {
    GgufHeader.Slot slot = Optional.ofNullable(header.tensors().get(name))
        .orElseThrow(() -> metadata.fault("has no tensor " + name));
    if (slot.type() != GgmlType.F32 || slot.shape().length != 1 || slot.shape()[0] != pairs) {
      throw metadata.fault(name + " is not " + pairs + " values of F32");
    }
    int count = (int) slot.shape()[0];
    float[] factors = new float[count];
    GgmlType.F32.decode(header.file().read(slot.position(), 4 * count), count, factors);
    return factors;
  }

  /** 1 / ((1 − s) / factor + s) with s the turns in the original length, from 1 to 4, on 0 to 1. */
  private boolean givesDivisors(float[] divisors, double factor, long length) {
    return IntStream.range(0, divisors.length).allMatch(i -> {
      double turns = length / (2 * Math.PI * Math.pow(theta(), (double) i / divisors.length));
      double smooth = Math.min(1, Math.max(0, (turns - 1) / 3));
      double expected = 1 / ((1 - smooth) / factor + smooth);
      return Math.abs(divisors[i] - expected) <= 1e-4 * expected;
    });
  }
}
