package thanora.model;

import static thanora.tensor.Ops.select;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Rotary positions: pair (xᵢ, xᵢ₊R/₂) of a head turned by the angle position · fᵢ; R of its values are
 * turned, the others stay.
 *
 * <p>Source: RoFormer (arXiv 2104.09864); pairing of halves as in Hugging Face checkpoints.
 */
final class Rope {
  private static final int FIRST_LENGTH = 2048;

  private final RopeConfig config;
  private final Placement placement;
  private int length; // positions in a table
  private Tensor cos; // (positions, 1, R/2); where long rows have frequencies of their own, twice as many
  private Tensor sin;

  /** Tables for the first positions; more are made when they are asked for. */
  Rope(RopeConfig config, int maxPositions, Placement placement) {
    this.config = config;
    this.placement = placement;
    fill(Math.min(maxPositions, FIRST_LENGTH));
  }

  private void fill(int positions) {
    length = positions;
    boolean twice = config.border() < RopeConfig.NO_BORDER;
    int pairs = config.frequencies().size();
    float[] cosines = new float[(twice ? 2 : 1) * length * pairs];
    float[] sines = new float[cosines.length];
    fill(config.frequencies(), 0, cosines, sines);
    if (twice) {
      fill(config.longFrequencies(), length * pairs, cosines, sines);
    }
    TensorScope.outside(() -> {
      cos = Tensors.to(Tensors.of(cosines, -1, 1, pairs), placement);
      sin = Tensors.to(Tensors.of(sines, -1, 1, pairs), placement);
      return cos;
    });
  }

  /** Computed in float64. */
  private void fill(List<Double> frequencies, int from, float[] cosines, float[] sines) {
    int at = from;
    for (int p = 0; p < length; p++) {
      for (double frequency : frequencies) {
        // transformers multiplies float32 position and frequency; follow it, so that long rows agree
        float angle = (float) p * (float) frequency;
        cosines[at] = (float) (Math.cos(angle) * config.factor());
        sines[at++] = (float) (Math.sin(angle) * config.factor());
      }
    }
  }

  /** The rows of the tables that a batch needs: (N, 1, R/2) each. */
  Angles at(TokenBatch batch) {
    if (batch.lastPosition() >= length) {
      fill(Math.max(2 * length, batch.lastPosition() + 1));
    }
    Tensor rows = batch.lastPosition() < config.border()
        ? batch.positions : batch.positionsWithShift(config.border(), length);
    return Angles.of(select(cos, 0, rows), select(sin, 0, rows));
  }
}
