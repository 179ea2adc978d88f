package thanora.lora;

/** A term of the loss that depends on one member's numbers only. */
@FunctionalInterface
public interface Penalty {
  /** No term. */
  Penalty NONE = () -> 0;

  /**
   * Adds the gradient of λ L to the member's row of {@link Adapter#gradients} and returns L, without
   * its factor λ. Called once an optimiser step.
   */
  double addGradient();
}
