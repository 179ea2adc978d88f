package thanora.lora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Decoder;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The trainable numbers of K configurations of one form ("members"), side by side on one frozen base.
 *
 * <p>All numbers of a member are one row of a float32 buffer (K, P), so the optimiser, clipping and an
 * all-reduce are a few calls whatever the depth. Modules of equal shape lie side by side in it: a
 * {@link Stack}. What a linear layer makes of them is the form's: {@link LoraAdapter}, {@link
 * DoraAdapter}, {@link HydraLoraAdapter}, {@link MtlLoraAdapter}.
 */
public abstract class Adapter implements AutoCloseable {
  private final int members;
  private final Placement compute;
  private final Map<String, Site> sites = new LinkedHashMap<>();
  private final List<Stack> stacks = new ArrayList<>();
  private final List<Map<String, Blocks>> blocks = new ArrayList<>();
  private final Tensor parameters; // (K, P)
  private final Tensor gradients; // (K, P)
  private TensorScope.Arena arena;
  private final Map<Field, Tensor> mirrors = new LinkedHashMap<>();
  private Optional<TaskGradients> taskGradients = Optional.empty();
  private long version;

  /** Modules of one shape. */
  public static final class Stack {
    private final List<String> names = new ArrayList<>();
    private final int in;
    private final int out;
    private final Map<String, Field> fields = new LinkedHashMap<>();

    private Stack(int in, int out) {
      this.in = in;
      this.out = out;
    }

    /** The modules, in the order of the second dimension of every field. */
    public List<String> names() {
      return Collections.unmodifiableList(names);
    }

    /** Width of the modules' input. */
    public int in() {
      return in;
    }

    /** Width of their output. */
    public int out() {
      return out;
    }

    /** What a module has, by name, in the order of the buffer. */
    public Map<String, Field> fields() {
      return Collections.unmodifiableMap(fields);
    }

    Field field(String name) {
      return fields.get(name);
    }
  }

  /** One kind of numbers of all modules of a stack: views (K, n, shape) of the buffers. */
  public static final class Field {
    private final long[] shape; // of one module
    private final boolean fast;
    private long modules;
    private long offset;
    private Tensor values;
    private Tensor gradients;

    Field(long... shape) {
      this(false, shape);
    }

    private Field(boolean fast, long... shape) {
      this.fast = fast;
      this.shape = shape;
    }

    /** One whose learning rate LoRA+ raises: B, and vectors, as in PEFT. */
    static Field fast(long... shape) {
      return new Field(true, shape);
    }

    /** (K, n, shape), a view of the parameters. */
    public Tensor values() {
      return values;
    }

    /** (K, n, shape), a view of the gradients. */
    public Tensor gradients() {
      return gradients;
    }

    /** Its part of a buffer (K, P): (K, n, shape). */
    Tensor in(Tensor buffer) {
      long[] viewed = new long[2 + shape.length];
      viewed[0] = buffer.size(0);
      viewed[1] = modules;
      System.arraycopy(shape, 0, viewed, 2, shape.length);
      return Ops.narrow(buffer, 1, offset, numel()).view(viewed);
    }

    private long numel() {
      return Arrays.stream(shape).reduce(modules, Math::multiplyExact);
    }
  }

  /**
   * Neighbouring columns of the buffers.
   *
   * @param fast whether LoRA+ raises their learning rate
   */
  public record Columns(long start, long length, boolean fast) {}

  /** Where a module lies: its stack and its place there. */
  record Site(String name, Stack stack, int index) {
    /** A field of this module, (K, shape). */
    Tensor values(String field) {
      return stack.field(field).values.select(1, index);
    }

    Tensor gradients(String field) {
      return stack.field(field).gradients.select(1, index);
    }
  }

  /**
   * Lays out the buffers; a form's constructor adds what it computes with.
   *
   * @param fields the numbers of a module of input and output width so much, by name
   */
  Adapter(Decoder model, List<String> modules, int members,
      BiFunction<Integer, Integer, Map<String, Field>> fields) {
    this.members = members;
    this.compute = model.placement();
    Map<List<Long>, Stack> byShape = new LinkedHashMap<>();
    for (String name : modules) {
      Tensor w = model.projection(name).weight();
      Stack stack = byShape.computeIfAbsent(
          List.of(w.size(1), w.size(0)), shape -> new Stack((int) w.size(1), (int) w.size(0)));
      sites.put(name, new Site(name, stack, stack.names.size()));
      stack.names.add(name);
    }
    stacks.addAll(byShape.values());
    long size = 0;
    for (Stack stack : stacks) {
      stack.fields.putAll(fields.apply(stack.in, stack.out));
      for (Field field : stack.fields.values()) {
        field.modules = stack.names.size();
        field.offset = size;
        size += field.numel();
      }
    }
    Placement placement = model.placement().with(DType.F32);
    this.parameters = Tensors.zeros(placement, members, size);
    this.gradients = Tensors.zeros(placement, members, size);
    for (Stack stack : stacks) {
      for (Field field : stack.fields.values()) {
        field.values = field.in(parameters);
        field.gradients = field.in(gradients);
      }
    }
    for (int member = 0; member < members; member++) {
      blocks.add(new LinkedHashMap<>());
    }
  }

  /** Makes an adapter whose tensors live until it is closed. */
  static <A extends Adapter> A held(Supplier<A> make) {
    TensorScope.Arena arena = new TensorScope.Arena();
    A adapter = arena.make(make);
    ((Adapter) adapter).arena = arena;
    return adapter;
  }

  /** Frees all numbers; the adapter must be detached. */
  @Override
  public final void close() {
    arena.close();
  }

  /**
   * The layer's output with the adapter.
   *
   * @param x the layer's input, (K N, in): all tokens of the first member, then of the second
   * @param wx the frozen layer's output (K N, out), bias included
   * @param bias that bias (out)
   * @return (K N, out)
   */
  abstract Tensor apply(Site site, Tensor x, Tensor wx, Optional<Tensor> bias, TokenBatch batch);

  /**
   * The same as {@link #apply}, with a backward pass to follow: by libtorch's autograd, unless the form
   * knows a shorter way.
   *
   * @param wx may be overwritten
   */
  Share share(Site site, Tensor x, Tensor wx, Optional<Tensor> bias, TokenBatch batch, Tape tape) {
    return Share.byAutograd(
        tape.graph(List.of(x, wx), in -> apply(site, in.get(0), in.get(1), bias, batch)));
  }

  /** Makes what the forward pass reads from the parameters; call after every change of them. */
  public void refresh() {
    version++;
    try (NoGrad off = NoGrad.open()) {
      mirrors.forEach((field, mirror) -> {
        if (mirror != field.values) {
          mirror.copy_(field.values);
        }
      });
    }
  }

  /** Another number after every {@link #refresh}. */
  public final long version() {
    return version;
  }

  /**
   * The weight of a module with a member's adapter merged in, (out, in) in float64 on the CPU; the
   * caller's scope owns it.
   *
   * @param w the frozen weight (out, in), float64 on the CPU
   * @throws UnsupportedOperationException if the form does not merge
   */
  public abstract Tensor merged(String module, int member, Tensor w);

  /** Rank of every module. */
  public abstract int rank();

  /** Whether {@link #merged} exists: one weight serves every token. */
  public boolean merges() {
    return true;
  }

  /** Whether the forward pass asks for a token's task. */
  public boolean needsTask() {
    return false;
  }

  /** Puts the adapter into the model's linear layers. */
  public void attach(Decoder model) {
    attach(model, List.of(this));
  }

  /** Puts several adapters into the model, their members side by side in this order; refuses other linear layers. */
  public static void attach(Decoder model, List<? extends Adapter> adapters) {
    if (adapters.stream().map(Adapter::modules).distinct().count() > 1) {
      throw new IllegalArgumentException("adapters side by side must have the same linear layers");
    }
    TensorScope.outside(() -> {
      for (String name : adapters.get(0).modules()) {
        model.replace(name, inner -> AdaptedProjection.of(inner, name, adapters));
      }
      return adapters;
    });
    adapters.forEach(Adapter::refresh);
  }

  /** Takes adapters out of the model's linear layers; the base answers again. */
  public void detach(Decoder model) {
    for (String name : sites.keySet()) {
      model.replace(name, projection -> {
        if (projection instanceof AdaptedProjection adapted) {
          return adapted.inner();
        }
        throw new IllegalStateException("another projection was put around the adapter of " + name);
      });
    }
  }

  /**
   * A field in the type of the activations, (K, n, shape): the parameters themselves where that is
   * float32, else a copy that {@link #refresh} renews.
   */
  final Tensor mirror(Field field) {
    return mirrors.computeIfAbsent(field, f -> compute.dtype() == DType.F32
        ? f.values : Tensors.zeros(compute, Tensors.shape(f.values)));
  }

  /** A view that takes gradients: (shape) where there is one member, else (K, shape). */
  final Tensor leaf(Tensor stacked, int index) {
    Tensor view = stacked.select(1, index);
    Tensor leaf = (members == 1 ? view.select(0, 0) : view).detach();
    leaf.set_requires_grad(true);
    return leaf;
  }

  /** The leaf of a module's field that mirrors its parameters. */
  final Tensor leaf(Site site, String field) {
    return leaf(mirror(site.stack().field(field)), site.index());
  }

  /** A gradient of a leaf as (K, shape). */
  final Tensor perMember(Tensor gradient) {
    return members == 1 ? gradient.unsqueeze(0) : gradient;
  }

  /** Asks the tape, if the pass is recorded, for the gradient of a module's leaf of a field. */
  final void want(TokenBatch batch, Site site, String field, Tensor leaf) {
    batch.tape().ifPresent(tape -> tape.want(leaf, g -> site.gradients(field).add_(perMember(g))));
  }

  /** Whether this pass keeps the gradients of tasks apart, for this adapter. */
  public final boolean byTask(TokenBatch batch) {
    return taskGradients.isPresent() && batch.tape().map(Tape::byTask).orElse(false);
  }

  /** Whether the form can tell the gradients of tasks apart. */
  public boolean tellsTasksApart() {
    return false;
  }

  /**
   * Makes room for the gradients of tasks, if the form can tell them apart.
   *
   * @throws UnsupportedOperationException if it cannot
   */
  public final TaskGradients keepTaskGradients(int tasks) {
    if (!tellsTasksApart()) {
      throw new UnsupportedOperationException("gradients by task are there for plain LoRA forms only");
    }
    if (taskGradients.isEmpty()) {
      taskGradients = Optional.of(arena.make(() -> TaskGradients.of(this, tasks)));
    }
    return taskGradients.get();
  }

  /** The gradients of tasks, where {@link #keepTaskGradients} made room. */
  public final Optional<TaskGradients> taskGradients() {
    return taskGradients;
  }

  /** Sets the gradients to zero, before the first micro-batch of a step. */
  public final void zeroGradients() {
    gradients.zero_();
    taskGradients.ifPresent(TaskGradients::zero);
  }

  /** Copies numbers of a module into a member's buffers, by field. */
  final void copyIn(String module, int member, Map<String, Tensor> values) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      Site site = site(module);
      values.forEach((field, tensor) -> site.values(field).select(0, member).copy_(tensor));
    }
  }

  final Site site(String module) {
    Site site = sites.get(module);
    if (site == null) {
      throw new IllegalArgumentException("the adapter has no module " + module);
    }
    return site;
  }

  /** Everything but the blocks, by name: what {@link #restore} takes back. Views, not copies. */
  public Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    state.put("parameters", parameters);
    return state;
  }

  /** Takes over a saved {@link #state}; {@code saved} gives each tensor by its name. */
  public final void restore(Function<String, Tensor> saved) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      state().forEach((name, tensor) -> tensor.copy_(saved.apply(name)));
    }
    refresh();
  }

  /** The states of several adapters, each under its {@link #prefix}. */
  public static Map<String, Tensor> stateOf(List<? extends Adapter> adapters) {
    Map<String, Tensor> state = new LinkedHashMap<>();
    for (int i = 0; i < adapters.size(); i++) {
      String prefix = prefix(i, adapters.size());
      adapters.get(i).state().forEach((name, tensor) -> state.put(prefix + name, tensor));
    }
    return state;
  }

  /** Takes over a saved {@link #stateOf}. */
  public static void restore(List<? extends Adapter> adapters, Function<String, Tensor> saved) {
    for (int i = 0; i < adapters.size(); i++) {
      String prefix = prefix(i, adapters.size());
      adapters.get(i).restore(name -> saved.apply(prefix + name));
    }
  }

  /** What names of one of several adapters begin with; nothing for a single one. */
  public static String prefix(int index, int count) {
    return count == 1 ? "" : "adapter" + index + ".";
  }

  /** Gives a member all numbers of another adapter's member of the same form. */
  public final void copyMember(int member, Adapter from, int fromMember) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      Map<String, Tensor> source = from.state();
      state().forEach((name, tensor) ->
          tensor.select(0, member).copy_(source.get(name).select(0, fromMember)));
    }
    blocks.get(member).putAll(from.blocks.get(fromMember));
  }

  /** Declares which rows of a module belong to which task, for the first member. */
  public final void declare(String module, Blocks layout) {
    declare(module, 0, layout);
  }

  /** Declares which rows of a module belong to which task. */
  public final void declare(String module, int member, Blocks layout) {
    site(module);
    blocks.get(member).put(module, layout);
  }

  /** Which rows of a module belong to which task, for the first member. */
  public final Blocks blocks(String module) {
    return blocks(module, 0);
  }

  /** Which rows of a module belong to which task. */
  public final Blocks blocks(String module, int member) {
    return blocks.get(member).get(module);
  }

  /** K, the configurations side by side. */
  public final int members() {
    return members;
  }

  /** All trainable numbers, (K, P) float32. */
  public final Tensor parameters() {
    return parameters;
  }

  /** Their gradients, (K, P) float32. */
  public final Tensor gradients() {
    return gradients;
  }

  /** All columns of the buffers, in order, in runs that LoRA+ raises the learning rate of or not. */
  public final List<Columns> columns() {
    List<Columns> runs = new ArrayList<>();
    for (Stack stack : stacks) {
      for (Field field : stack.fields.values()) {
        boolean goesOn = !runs.isEmpty() && runs.get(runs.size() - 1).fast == field.fast;
        long start = goesOn ? runs.remove(runs.size() - 1).start : field.offset;
        runs.add(new Columns(start, field.offset + field.numel() - start, field.fast));
      }
    }
    return runs;
  }

  /** The modules by shape. */
  public final List<Stack> stacks() {
    return Collections.unmodifiableList(stacks);
  }

  /** Names of the adapted modules, in the model's order. */
  public final Set<String> modules() {
    return Collections.unmodifiableSet(sites.keySet());
  }

  /** Where the numbers live. */
  public final String device() {
    return compute.device();
  }

  /** Element type of the activations. */
  final DType computeType() {
    return compute.dtype();
  }

  /** Number of trainable numbers of one member. */
  public final long trainableParameters() {
    return parameters.size(1);
  }
}
