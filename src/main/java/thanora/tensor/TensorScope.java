package thanora.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * Frees, when closed, every tensor made on this thread since it was opened.
 *
 * <p>Scopes nest. Autograd keeps what it needs on the C++ side, so closing a scope in the forward
 * pass does not break the backward pass. What must outlive the scope goes through {@link #keep}.
 */
public final class TensorScope implements AutoCloseable {
  private final PointerScope scope = new PointerScope();

  private TensorScope() {}

  /** Opens a scope; close it with try-with-resources. */
  public static TensorScope open() {
    return new TensorScope();
  }

  /** Runs {@code body} in a scope of its own and hands its result to the scope around it. */
  public static Tensor keep(Supplier<Tensor> body) {
    PointerScope outer = PointerScope.getInnerScope();
    try (TensorScope inner = open()) {
      Tensor result = body.get();
      if (outer != null) {
        outer.attach(result);
      } else {
        result.retainReference();
        inner.scope.detach(result);
      }
      return result;
    }
  }

  /** Makes tensors in {@code body} that no scope frees: weights, optimiser state, statistics. */
  public static <T> T outside(Supplier<T> body) {
    return new Arena().make(body);
  }

  /** Holds tensors that no scope frees, until it is closed itself. */
  public static final class Arena implements AutoCloseable {
    private final List<Pointer> held = new ArrayList<>();

    /** Makes tensors in {@code body} that live as long as this. */
    public <T> T make(Supplier<T> body) {
      try (PointerScope catcher = new Catcher(held)) {
        return body.get();
      }
    }

    @Override
    public void close() {
      held.forEach(Pointer::releaseReference);
      held.clear();
    }
  }

  /** Keeps a tensor alive beyond its scope, until {@link #release}. */
  public static Tensor retain(Tensor tensor) {
    return tensor.retainReference();
  }

  /** Ends what {@link #retain} began. */
  public static void release(Tensor tensor) {
    tensor.releaseReference();
  }

  @Override
  public void close() {
    scope.close();
  }

  /**
   * Catches every pointer and frees none; one that refused them would pass them on outwards. It
   * counts as a holder, so that what {@link #keep} hands to it is not freed with the scope inside.
   */
  private static final class Catcher extends PointerScope {
    private final List<Pointer> held;

    Catcher(List<Pointer> held) {
      this.held = held;
    }

    @Override
    public PointerScope attach(Pointer pointer) {
      pointer.retainReference();
      held.add(pointer);
      return this;
    }
  }
}
