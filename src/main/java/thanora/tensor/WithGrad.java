package thanora.tensor;

import org.bytedeco.pytorch.AutoGradMode;

/** While open, operators on this thread record a graph again, inside of {@link NoGrad}. */
public final class WithGrad implements AutoCloseable {
  private final AutoGradMode guard = new AutoGradMode(true);

  private WithGrad() {}

  /** Opens the guard; close it with try-with-resources. */
  public static WithGrad open() {
    return new WithGrad();
  }

  @Override
  public void close() {
    guard.close();
  }
}
