package thanora.model;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/** Parts of a forward pass on a tape, without the decoder around them. */
public final class Recorded {
  private Recorded() {}

  /** Runs a part as a segment of the tape. */
  public static Tensor segment(Tape tape, Tensor x, UnaryOperator<Tensor> part) {
    return tape.segment(x, part);
  }
}
