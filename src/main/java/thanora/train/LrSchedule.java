package thanora.train;

/** How the learning rate goes after a linear warm-up: the shapes of Hugging Face's Trainer. */
public enum LrSchedule {
  COSINE,
  LINEAR,
  CONSTANT;

  /**
   * Factor of the peak learning rate. The first update of a warm-up has 1 / {@code warmup} of it, not
   * 0 as in transformers: no update is wasted.
   *
   * @param step number of the update, from 1
   * @param warmup updates of the warm-up
   * @param total updates in all
   */
  public double factor(long step, long warmup, long total) {
    if (step <= warmup) {
      return (double) step / warmup;
    }
    double done = (double) (step - 1 - warmup) / Math.max(1, total - warmup);
    return switch (this) {
      case COSINE -> 0.5 * (1 + Math.cos(Math.PI * done));
      case LINEAR -> 1 - done;
      case CONSTANT -> 1;
    };
  }
}
