package thanora.lora;

/** A term of the loss that depends on the adapter only. */
@FunctionalInterface
public interface Penalty {
  /** No term. */
  Penalty NONE = adapter -> 0;

  /**
   * Adds the gradient of λ L to {@link Adapter#gradients} and returns L, without its factor λ. Called
   * once an optimiser step.
   */
  double addGradient(Adapter adapter);
}
