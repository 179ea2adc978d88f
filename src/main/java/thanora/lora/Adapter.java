package thanora.lora;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Decoder;
import thanora.model.Projection;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * All low-rank factors of a model in one flat float32 buffer.
 *
 * <p>Modules of equal shape lie side by side: {@link Stack}. B is stored transposed, so that both
 * sides are stacks of rows. The forward pass reads <em>effective</em> factors made once a
 * step by {@link #refresh}: where B starts at zero they are A and B themselves; where it does not,
 * A' = [A; A−A⁰] and B' = [B−B⁰, B⁰], whose product is B A − B⁰ A⁰. The differences are taken in
 * float32, so the first step's output is the base's exactly, and small updates survive bfloat16.
 */
public final class Adapter {
  private final int r;
  private final int frozenRows;
  private final double alpha;
  private final String device;
  private final Map<String, Place> places = new LinkedHashMap<>();
  private final Map<String, Blocks> blocks = new LinkedHashMap<>();
  private final List<Stack> stacks = new ArrayList<>();
  private final Tensor parameters; // (P)
  private final Tensor gradients; // (P)

  /** Modules of one shape: their A (n, r, in) and Bᵀ (n, r, out), side by side. */
  public static final class Stack {
    private final List<String> names = new ArrayList<>();
    private final Side a;
    private final Side bt;

    private Stack(int in, int out) {
      a = new Side(in);
      bt = new Side(out);
    }

    /** The modules, in the order of the first dimension. */
    public List<String> names() {
      return Collections.unmodifiableList(names);
    }

    /** A (n, r, in), a view of the flat parameters. */
    public Tensor a() {
      return a.values;
    }

    /** Bᵀ (n, r, out), a view of the flat parameters. */
    public Tensor bt() {
      return bt.values;
    }

    /** Gradient of A (n, r, in), a view of the flat gradients. */
    public Tensor gradA() {
      return a.gradients;
    }

    /** Gradient of Bᵀ (n, r, out), a view of the flat gradients. */
    public Tensor gradBt() {
      return bt.gradients;
    }
  }

  private static final class Side {
    private final int width;
    private Tensor values; // (n, r, width)
    private Tensor gradients; // (n, r, width)
    private Tensor frozen; // (n, R, width)
    private Tensor effective; // (n, r + R, width)
    private Tensor effectiveGradients; // (n, r + R, width)

    Side(int width) {
      this.width = width;
    }
  }

  private record Place(Stack stack, int index) {}

  private Adapter(Decoder model, List<String> modules, int r, int frozenRows, double alpha) {
    this.r = r;
    this.frozenRows = frozenRows;
    this.alpha = alpha;
    this.device = model.placement().device();
    Map<List<Long>, Stack> byShape = new LinkedHashMap<>();
    for (String name : modules) {
      Tensor w = model.projection(name).weight();
      Stack stack = byShape.computeIfAbsent(
          List.of(w.size(1), w.size(0)), shape -> new Stack((int) w.size(1), (int) w.size(0)));
      places.put(name, new Place(stack, stack.names.size()));
      stack.names.add(name);
    }
    stacks.addAll(byShape.values());
    long size = stacks.stream().mapToLong(s -> (long) s.names.size() * r * (s.a.width + s.bt.width)).sum();
    Placement placement = model.placement().with(DType.F32);
    this.parameters = Tensors.zeros(placement, size);
    this.gradients = Tensors.zeros(placement, size);
    long offset = 0;
    for (Stack stack : stacks) {
      offset = layOut(stack.a, stack.names.size(), offset, placement);
      offset = layOut(stack.bt, stack.names.size(), offset, placement);
    }
  }

  private long layOut(Side side, long n, long offset, Placement placement) {
    long length = n * r * side.width;
    side.values = Ops.narrow(parameters, 0, offset, length).view(n, r, side.width);
    side.gradients = Ops.narrow(gradients, 0, offset, length).view(n, r, side.width);
    if (frozenRows == 0) {
      side.effective = side.values;
      side.effectiveGradients = side.gradients;
    } else {
      side.frozen = Tensors.zeros(placement, n, frozenRows, side.width);
      side.effective = Tensors.zeros(placement, n, r + frozenRows, side.width);
      side.effectiveGradients = Tensors.zeros(placement, n, r + frozenRows, side.width);
    }
    return offset + length;
  }

  /**
   * An adapter of zeros; give every module its {@link #set start} before use.
   *
   * @param modules names of linear layers of {@code model}
   * @param r rank, the same in every module
   * @param frozenRows R, the rows of A⁰ and B⁰ at most; 0 where B starts at zero
   * @param alpha numerator of the scaling
   */
  public static Adapter create(Decoder model, List<String> modules, int r, int frozenRows, double alpha) {
    return TensorScope.outside(() -> new Adapter(model, modules, r, frozenRows, alpha));
  }

  /** Copies a module's start into the buffer. */
  public void set(String module, Factors start) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      Place place = place(module);
      set(place.stack.a, place.index, start.a(), start.a0());
      set(place.stack.bt, place.index, start.bt(), start.b0t());
      blocks.put(module, start.blocks());
    }
  }

  private void set(Side side, int index, Tensor values, Tensor frozen) {
    side.values.select(0, index).copy_(values);
    if (frozenRows > 0) {
      Ops.narrow(side.frozen.select(0, index), 0, 0, frozen.size(0)).copy_(frozen);
    }
  }

  /** Puts the adapter into the model's linear layers. */
  public void attach(Decoder model) {
    TensorScope.outside(() -> {
      places.forEach((name, place) -> {
        Tensor a = leaf(place.stack.a, place.index);
        Tensor bt = leaf(place.stack.bt, place.index);
        model.replace(name, inner -> new LoraProjection(inner, a, bt, scaling()));
      });
      return this;
    });
    refresh();
  }

  /** A view of the effective factor that takes gradients, straight into the gradient stack. */
  private static Tensor leaf(Side side, int index) {
    Tensor leaf = side.effective.select(0, index).detach();
    leaf.set_requires_grad(true);
    leaf.mutable_grad().put(side.effectiveGradients.select(0, index));
    return leaf;
  }

  /** Takes the adapter out of the model's linear layers; the base answers again. */
  public void detach(Decoder model) {
    for (String name : places.keySet()) {
      model.replace(name, projection -> {
        if (projection instanceof LoraProjection lora) {
          return lora.inner();
        }
        throw new IllegalStateException("another projection was put around the adapter of " + name);
      });
    }
  }

  /** Makes the effective factors from the parameters; call after every change of them. */
  public void refresh() {
    if (frozenRows == 0) {
      return;
    }
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      for (Stack stack : stacks) {
        Ops.narrow(stack.a.effective, 1, 0, r).copy_(stack.a.values);
        Ops.narrow(stack.a.effective, 1, r, frozenRows).copy_(sinceStart(stack.a));
        Tensor b = Ops.narrow(stack.bt.effective, 1, 0, r);
        b.copy_(stack.bt.values);
        Ops.narrow(b, 1, 0, frozenRows).copy_(sinceStart(stack.bt));
        Ops.narrow(stack.bt.effective, 1, r, frozenRows).copy_(stack.bt.frozen);
      }
    }
  }

  /** What training has changed of the task rows (n, R, width). */
  private Tensor sinceStart(Side side) {
    return Ops.sub(Ops.narrow(side.values, 1, 0, frozenRows), side.frozen);
  }

  /** Sets the gradient to zero, before the first micro-batch of a step. */
  public void zeroGradients() {
    gradients.zero_();
    if (frozenRows > 0) {
      for (Stack stack : stacks) {
        stack.a.effectiveGradients.zero_();
        stack.bt.effectiveGradients.zero_();
      }
    }
  }

  /** Brings what the backward passes left on the effective factors to {@link #gradients}. */
  public void collectGradients() {
    if (frozenRows == 0) {
      return;
    }
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      for (Stack stack : stacks) {
        stack.a.gradients.copy_(Ops.narrow(stack.a.effectiveGradients, 1, 0, r));
        Ops.narrow(stack.a.gradients, 1, 0, frozenRows)
            .add_(Ops.narrow(stack.a.effectiveGradients, 1, r, frozenRows));
        stack.bt.gradients.copy_(Ops.narrow(stack.bt.effectiveGradients, 1, 0, r));
      }
    }
  }

  /**
   * What the adapter adds to a module's weight, s (B A − B⁰ A⁰), (out, in) in float64 on the CPU; the
   * caller's scope owns it.
   */
  public Tensor delta(String module) {
    return TensorScope.keep(() -> {
      Export factors = export(module);
      Placement wide = new Placement("cpu", DType.F64);
      return Ops.scale(Ops.matmul(Tensors.to(factors.b, wide), Tensors.to(factors.a, wide)), scaling());
    });
  }

  /**
   * A module's update as ordinary LoRA factors of rank r + R: A = [A; A⁰], B = [B, −B⁰], to be scaled
   * by {@link #scaling}.
   */
  public Export export(String module) {
    Place place = place(module);
    Stack stack = place.stack;
    Tensor a = stack.a.values.select(0, place.index);
    Tensor bt = stack.bt.values.select(0, place.index);
    if (frozenRows > 0) {
      a = Ops.cat(0, a, stack.a.frozen.select(0, place.index));
      bt = Ops.cat(0, bt, Ops.scale(stack.bt.frozen.select(0, place.index), -1));
    }
    return new Export(a.contiguous(), bt.t().contiguous());
  }

  /**
   * Ordinary LoRA factors.
   *
   * @param a (r', in)
   * @param b (out, r')
   */
  public record Export(Tensor a, Tensor b) {}

  private Place place(String module) {
    Place place = places.get(module);
    if (place == null) {
      throw new IllegalArgumentException("the adapter has no module " + module);
    }
    return place;
  }

  /** Everything but the blocks, by name: what {@link #restore} takes back. Views, not copies. */
  public Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    state.put("parameters", parameters);
    for (int i = 0; frozenRows > 0 && i < stacks.size(); i++) {
      state.put("frozen.a." + i, stacks.get(i).a.frozen);
      state.put("frozen.bt." + i, stacks.get(i).bt.frozen);
    }
    return state;
  }

  /** Takes over a saved {@link #state}; {@code saved} gives each tensor by its name. */
  public void restore(Function<String, Tensor> saved) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      state().forEach((name, tensor) -> tensor.copy_(saved.apply(name)));
    }
    refresh();
  }

  /** Declares a module's blocks, where its start was restored rather than {@link #set}. */
  public void declare(String module, Blocks layout) {
    place(module);
    blocks.put(module, layout);
  }

  /** All trainable numbers, (P) float32. */
  public Tensor parameters() {
    return parameters;
  }

  /** Their gradient, (P) float32. */
  public Tensor gradients() {
    return gradients;
  }

  /** The factors by shape. */
  public List<Stack> stacks() {
    return Collections.unmodifiableList(stacks);
  }

  /** Names of the adapted modules, in the model's order. */
  public Set<String> modules() {
    return Collections.unmodifiableSet(places.keySet());
  }

  /** Which rows of a module belong to which task. */
  public Blocks blocks(String module) {
    return blocks.get(module);
  }

  /** Where the factors live. */
  public String device() {
    return device;
  }

  /** Rank of every module. */
  public int rank() {
    return r;
  }

  /** Rank of the exported factors, r + R. */
  public int exportRank() {
    return r + frozenRows;
  }

  /** s = alpha / r. */
  public double scaling() {
    return alpha / r;
  }

  /** Number of trainable numbers. */
  public long trainableParameters() {
    return parameters.numel();
  }
}
