package thanora.lora;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** A term of the loss that depends on one member's numbers only. */
@FunctionalInterface
public interface Penalty {
  /** No term. */
  Penalty NONE = (step, steps) -> List.of();

  /**
   * Adds the gradient of λ L to the member's row of {@link Adapter#gradients}. Called once an optimiser
   * step.
   *
   * @param step number of the update, from 1
   * @param steps updates of the whole run
   * @return parts of L, without its factor λ: tensors of one element that add up to it. Nothing waits
   *     for the device until they are read.
   */
  List<Tensor> addGradient(long step, long steps);
}
