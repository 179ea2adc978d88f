package thanora.lora;

/** How the gradients of a member's tasks become its gradient. */
public interface GradientCombination {
  /**
   * Writes the member's row of {@link Adapter#gradients}.
   *
   * @param step number of the update, from 1: what is random is a function of it
   */
  void apply(TaskGradients gradients, int member, long step);
}
