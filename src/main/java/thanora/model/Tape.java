package thanora.model;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;

/**
 * A recorded forward pass, cut into segments: the backward pass goes through one segment at a time,
 * and hands each gradient that somebody wants to its receiver at once.
 *
 * <p>So gradients of activations live for one layer only, and an adapter can reduce what it gets (to
 * gradients by task, say) without a pass of its own. Close it to free what a pass that failed left.
 */
public final class Tape implements AutoCloseable {
  private final boolean byTask;
  private final List<Segment> segments = new ArrayList<>();

  /** One graph: from a detached input to its output. */
  private static final class Segment {
    private final Tensor input;
    private Tensor output;
    private final List<Tensor> inner = new ArrayList<>();
    private final List<Consumer<Tensor>> receivers = new ArrayList<>();
    private final List<Tensor> kept = new ArrayList<>();

    Segment(Tensor input) {
      this.input = input;
    }
  }

  /**
   * An empty tape.
   *
   * @param byTask whether adapters are to keep the gradients of tasks apart
   */
  public Tape(boolean byTask) {
    this.byTask = byTask;
  }

  /** Whether adapters are to keep the gradients of tasks apart. */
  public boolean byTask() {
    return byTask;
  }

  /** Runs a part of the forward pass as a segment; the result belongs to the caller's scope. */
  Tensor segment(Tensor x, UnaryOperator<Tensor> part) {
    Tensor input = TensorScope.retain(x.detach());
    input.set_requires_grad(true);
    Segment segment = new Segment(input);
    segments.add(segment);
    segment.output = TensorScope.retain(part.apply(input));
    return segment.output;
  }

  /**
   * Asks for the gradient of a tensor of the present segment.
   *
   * @param tensor a leaf that takes gradients, or a result on the way
   * @param receiver gets the gradient once, without graph; it does not own it
   */
  public void want(Tensor tensor, Consumer<Tensor> receiver) {
    Segment segment = present();
    segment.inner.add(keep(tensor));
    segment.receivers.add(receiver);
  }

  /** Keeps a tensor that a receiver of the present segment reads. */
  public Tensor keep(Tensor tensor) {
    present().kept.add(TensorScope.retain(tensor));
    return tensor;
  }

  private Segment present() {
    return segments.get(segments.size() - 1);
  }

  /** The backward pass, from the gradient of the last segment's output; the tape is empty afterwards. */
  public void backward(Tensor gradient) {
    Tensor upstream = TensorScope.retain(gradient);
    try (NoGrad off = NoGrad.open()) {
      while (!segments.isEmpty()) {
        Segment segment = segments.remove(segments.size() - 1);
        try (TensorScope scope = TensorScope.open()) {
          Tensor below = TensorScope.retain(backward(segment, upstream));
          TensorScope.release(upstream);
          upstream = below;
        } finally {
          free(segment);
        }
      }
    } finally {
      TensorScope.release(upstream);
    }
  }

  /** Serves the receivers; returns the gradient of the segment's input. */
  private static Tensor backward(Segment segment, Tensor gradient) {
    List<Tensor> inputs = new ArrayList<>(segment.inner);
    inputs.add(segment.input);
    List<Tensor> gradients = Ops.gradients(segment.output, inputs, gradient);
    for (int i = 0; i < segment.receivers.size(); i++) {
      segment.receivers.get(i).accept(gradients.get(i));
    }
    return gradients.get(gradients.size() - 1);
  }

  private static void free(Segment segment) {
    segment.kept.forEach(TensorScope::release);
    if (segment.output != null) {
      TensorScope.release(segment.output);
    }
    TensorScope.release(segment.input);
  }

  @Override
  public void close() {
    segments.forEach(Tape::free);
    segments.clear();
  }
}
