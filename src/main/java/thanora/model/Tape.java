package thanora.model;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * A recorded forward pass, as a list of nodes, and the backward pass through them, last node first.
 *
 * <p>A node is a tensor and what is to be done with its gradient. Backward passes are written by hand
 * where that saves passes over memory: gradients are added up in place, by the matrix products
 * themselves, live for one layer only, and reach an adapter before they are reduced, which can so tell
 * tasks apart. Everything else is a {@link Graph}: libtorch's autograd for that part alone.
 *
 * <p>Tensors are known by identity: what a node returned is what the next one must be given. Close it
 * to free what a pass that failed left.
 */
public final class Tape implements AutoCloseable {
  private final boolean byTask;
  private final List<Node> nodes = new ArrayList<>();
  private final Map<Tensor, Slot> slots = new IdentityHashMap<>();
  private final List<Tensor> kept = new ArrayList<>(); // by the node that is recorded next
  private Graph present;

  /** A result, of which only the identity counts, tensors that its backward pass reads, and that pass. */
  private record Node(Tensor output, List<Tensor> kept, Consumer<Tensor> backward) {
    void free() {
      kept.forEach(TensorScope::release);
    }
  }

  /** The gradient of a node's output so far. */
  private static final class Slot {
    private Tensor gradient;
    private boolean own; // whether nobody else reads it, so that more may be added in place

    void put(Tensor value, boolean fresh) {
      TensorScope.retain(value);
      free();
      gradient = value;
      own = fresh;
    }

    void free() {
      if (gradient != null) {
        TensorScope.release(gradient);
      }
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

  /** Whether the gradient of a tensor is asked for: whether a node made it. */
  public boolean reaches(Tensor x) {
    return slots.containsKey(x);
  }

  /**
   * Records a node.
   *
   * @param output its result, which no autograd knows of
   * @param backward gets the gradient of the output, which it must not change, and adds to those of
   *     the node's inputs
   * @param read by {@code backward}
   * @return output
   */
  public Tensor record(Tensor output, Consumer<Tensor> backward, List<Tensor> read) {
    read.forEach(this::keep);
    nodes.add(new Node(output, List.copyOf(kept), backward));
    kept.clear();
    slots.put(output, new Slot());
    return output;
  }

  /** A tensor from outside whose gradient is wanted. */
  public Tensor input(Tensor x, Consumer<Tensor> receiver) {
    return record(x.detach(), receiver, List.of());
  }

  /**
   * Adds to the gradient of a tensor, if that is asked for.
   *
   * @param gradient which others may read, so that it is left as it is
   */
  public void add(Tensor x, Tensor gradient) {
    Slot slot = slots.get(x);
    if (slot == null) {
      return;
    }
    if (slot.gradient == null) {
      slot.put(gradient, false);
    } else if (slot.own) {
      Ops.addInPlace(slot.gradient, gradient, 1);
    } else {
      slot.put(Ops.add(slot.gradient, gradient), true);
    }
  }

  /**
   * Adds dy W to the gradient of a tensor that is {@link #reaches reached}.
   *
   * @param dy (N, out)
   * @param w (out, in)
   * @return the gradient (N, in), to which more may be added in place until this node is done
   */
  public Tensor addProduct(Tensor x, Tensor dy, Tensor w) {
    Slot slot = slots.get(x);
    if (slot.gradient == null) {
      slot.put(Ops.matmul(dy, w), true);
    } else if (slot.own) {
      Ops.addMatmulInPlace(slot.gradient, dy, w);
    } else {
      slot.put(Ops.addmm(slot.gradient, dy, w, 1), true);
    }
    return slot.gradient;
  }

  /**
   * Adds to the gradient of some columns of a tensor that is {@link #reaches reached}.
   *
   * @param columns of the whole tensor
   */
  void addColumns(Tensor x, long columns, long from, Tensor gradient) {
    Slot slot = slots.get(x);
    if (slot.gradient == null) {
      slot.put(gradient.new_zeros(gradient.size(0), columns), true);
    } else if (!slot.own) {
      slot.put(Tensors.copy(slot.gradient), true);
    }
    Ops.addInPlace(Ops.narrow(slot.gradient, 1, from, gradient.size(1)), gradient);
  }

  /** A part of the forward pass under libtorch's autograd, for the node that is recorded next. */
  public final class Graph {
    private final List<Tensor> leaves = new ArrayList<>();
    private final List<Tensor> wanted = new ArrayList<>();
    private final List<Consumer<Tensor>> receivers = new ArrayList<>();
    private final Tensor output;

    private Graph(List<Tensor> inputs, Function<List<Tensor>, Tensor> part) {
      for (Tensor input : inputs) {
        Tensor leaf = keep(input.detach());
        leaf.set_requires_grad(true);
        leaves.add(leaf);
      }
      Graph outer = present;
      present = this;
      try {
        output = keep(part.apply(leaves));
      } finally {
        present = outer;
      }
    }

    /** The result, without its graph. */
    public Tensor output() {
      return output.detach();
    }

    /** Serves the receivers; returns the gradients of the inputs. Once. */
    public List<Tensor> backward(Tensor gradient) {
      List<Tensor> inputs = new ArrayList<>(wanted);
      inputs.addAll(leaves);
      List<Tensor> gradients = Ops.gradients(output, inputs, gradient);
      for (int i = 0; i < receivers.size(); i++) {
        receivers.get(i).accept(gradients.get(i));
      }
      return gradients.subList(wanted.size(), gradients.size());
    }
  }

  /** Runs a part under libtorch's autograd; a function of its inputs, which may differ in shape. */
  public Graph graph(List<Tensor> inputs, Function<List<Tensor>, Tensor> part) {
    return new Graph(inputs, part);
  }

  /** A node by libtorch's autograd. */
  public Tensor autograd(List<Tensor> inputs, Function<List<Tensor>, Tensor> part) {
    Graph graph = graph(inputs, part);
    return record(graph.output(), gradient -> {
      List<Tensor> gradients = graph.backward(gradient);
      for (int i = 0; i < inputs.size(); i++) {
        add(inputs.get(i), gradients.get(i));
      }
    }, List.of());
  }

  /**
   * Asks for the gradient of a tensor of the present {@link Graph}.
   *
   * @param tensor a leaf that takes gradients, or a result on the way
   * @param receiver gets the gradient once, without graph; it does not own it
   */
  public void want(Tensor tensor, Consumer<Tensor> receiver) {
    present.wanted.add(keep(tensor));
    present.receivers.add(receiver);
  }

  /** Keeps a tensor until the node that is recorded next is done. */
  public Tensor keep(Tensor tensor) {
    kept.add(TensorScope.retain(tensor));
    return tensor;
  }

  /** The backward pass, from the gradient of the last node's output; the tape is empty afterwards. */
  public void backward(Tensor gradient) {
    add(nodes.get(nodes.size() - 1).output, gradient);
    backward();
  }

  /** The backward pass from the gradients {@link #add added} so far; the tape is empty afterwards. */
  public void backward() {
    try (NoGrad off = NoGrad.open()) {
      while (!nodes.isEmpty()) {
        Node node = nodes.remove(nodes.size() - 1);
        Slot slot = slots.remove(node.output);
        try (TensorScope scope = TensorScope.open()) {
          if (slot.gradient != null) {
            node.backward.accept(slot.gradient);
          }
        } finally {
          slot.free();
          node.free();
        }
      }
    }
  }

  @Override
  public void close() {
    nodes.forEach(Node::free);
    nodes.clear();
    slots.values().forEach(Slot::free);
    slots.clear();
    kept.forEach(TensorScope::release);
    kept.clear();
  }
}
