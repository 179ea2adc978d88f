package thanora.tensor;

import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;

/** While open, operators on this thread record no graph. */
public final class NoGrad implements AutoCloseable {
  private final NoGradGuard guard = new NoGradGuard();

  private NoGrad() {}

  /** Opens the guard; close it with try-with-resources. */
  public static NoGrad open() {
    return new NoGrad();
  }

  /** Whether operators on this thread record no graph. */
  public static boolean isOn() {
    return !GradMode.is_enabled();
  }

  @Override
  public void close() {
    guard.close();
  }
}
