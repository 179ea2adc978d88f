package thanora.model;

import static thanora.tensor.Ops.add;
import static thanora.tensor.Ops.cat;
import static thanora.tensor.Ops.mul;
import static thanora.tensor.Ops.narrow;
import static thanora.tensor.Ops.select;
import static thanora.tensor.Ops.sub;

import com.fasterxml.jackson.databind.JsonNode;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Rotary positions: pair (xᵢ, xᵢ₊Dh/₂) of a head turned by the angle position · fᵢ.
 *
 * <p>Source: RoFormer (arXiv 2104.09864); pairing of halves as in Hugging Face checkpoints.
 */
final class Rope {
  private final Tensor cos; // (positions, 1, Dh/2)
  private final Tensor sin;

  private Rope(Tensor cos, Tensor sin) {
    this.cos = cos;
    this.sin = sin;
  }

  /** Tables for positions 0 .. {@code length} − 1, computed in float64. */
  static Rope of(Frequencies frequencies, int length, Placement placement) {
    double[] f = frequencies.values();
    float[] cosines = new float[length * f.length];
    float[] sines = new float[length * f.length];
    for (int p = 0; p < length; p++) {
      for (int i = 0; i < f.length; i++) {
        // transformers multiplies float32 position and frequency; follow it, so that long rows agree
        float angle = (float) p * (float) f[i];
        cosines[p * f.length + i] = (float) Math.cos(angle);
        sines[p * f.length + i] = (float) Math.sin(angle);
      }
    }
    return TensorScope.outside(() -> new Rope(
        Tensors.to(Tensors.of(cosines, length, 1, f.length), placement),
        Tensors.to(Tensors.of(sines, length, 1, f.length), placement)));
  }

  int length() {
    return (int) cos.size(0);
  }

  /** The rows of the tables that a batch needs: (N, 1, Dh/2) each. */
  Angles at(Tensor positions) {
    return new Angles(select(cos, 0, positions), select(sin, 0, positions));
  }

  /** Cosines and sines of each token of a batch. */
  record Angles(Tensor cos, Tensor sin) {
    /** The same angles the other way: of the backward pass, since a turn's transpose turns back. */
    Angles reversed() {
      return new Angles(cos, Ops.scale(sin, -1));
    }

    /** Turns heads x (N, H, Dh). */
    Tensor turn(Tensor x) {
      long half = x.size(2) / 2;
      Tensor first = narrow(x, 2, 0, half);
      Tensor second = narrow(x, 2, half, half);
      return cat(2,
          sub(mul(first, cos), mul(second, sin)),
          add(mul(second, cos), mul(first, sin)));
    }
  }

  /**
   * The angle a position adds in each pair, in radians.
   *
   * @param values Dh/2 frequencies
   */
  public record Frequencies(double[] values) {
    static Frequencies from(JsonNode json, double defaultTheta, int headDim) {
      JsonNode parameters = json.hasNonNull("rope_parameters") ? json.get("rope_parameters") : json;
      JsonNode scaling = json.hasNonNull("rope_parameters") ? parameters : json.path("rope_scaling");
      double theta = parameters.path("rope_theta").asDouble(json.path("rope_theta").asDouble(defaultTheta));
      double[] f = new double[headDim / 2];
      for (int i = 0; i < f.length; i++) {
        f[i] = Math.pow(theta, -2.0 * i / headDim);
      }
      String type = scaling.path("rope_type").asText(scaling.path("type").asText("default"));
      switch (type) {
        case "default" -> { }
        case "linear" -> {
          for (int i = 0; i < f.length; i++) {
            f[i] /= scaling.path("factor").asDouble(1);
          }
        }
        case "llama3" -> scaleLlama3(f, scaling);
        default -> throw new IllegalArgumentException("config.json: rope_scaling " + type
            + " is not supported; supported are default, linear and llama3");
      }
      return new Frequencies(f);
    }

    /** Long waves slowed by {@code factor}, short ones kept, a linear blend between (Llama 3.1). */
    private static void scaleLlama3(double[] f, JsonNode scaling) {
      double factor = scaling.path("factor").asDouble(8);
      double low = scaling.path("low_freq_factor").asDouble(1);
      double high = scaling.path("high_freq_factor").asDouble(4);
      double original = scaling.path("original_max_position_embeddings").asDouble(8192);
      for (int i = 0; i < f.length; i++) {
        double wavelength = 2 * Math.PI / f[i];
        double blend = (original / wavelength - low) / (high - low);
        double kept = Math.min(1, Math.max(0, blend));
        f[i] = (1 - kept) * f[i] / factor + kept * f[i];
      }
    }
  }
}
