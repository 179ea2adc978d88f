package thanora.lora;

import static thanora.lora.MemberProducts.addTimes;
import static thanora.lora.MemberProducts.plusTimes;
import static thanora.lora.MemberProducts.times;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Decoder;
import thanora.model.DecoderMemory;
import thanora.model.Projection;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * y = W x + s (B A − B⁰ A⁰) x for every token, whatever its task.
 *
 * <p>B is stored transposed, so that both sides are stacks of rows. The forward pass reads
 * <em>effective</em> factors, made once a step in the type of the activations: where B starts at zero
 * they are A and B; where it does not, A' = [A; A−A⁰] and B' = [B−B⁰, B⁰], whose product is B A − B⁰
 * A⁰. The differences are taken in float32, so the first step's output is the base's exactly, and
 * small updates survive bfloat16.
 *
 * <p>Gradients of tasks cost no pass of their own: with the tokens of a batch grouped by task, dB_t =
 * s z_tᵀ dY_t and dA_t = dz_tᵀ x_t are segments of the products that the gradient needs anyway.
 */
public final class LoraAdapter extends Adapter {
  static final String A = "a";
  static final String BT = "bt";

  private final Form form;
  private final Map<Stack, Map<String, Side>> sides = new HashMap<>();
  private final Map<Site, Leaves> leaves = new HashMap<>();
  private final Optional<Tensor> routes; // (T, r)

  /**
   * The form: adapters of equal form can be members of one.
   *
   * @param r rank, the same in every module
   * @param frozenRows R, the rows of A⁰ and B⁰ at most; 0 where B starts at zero
   * @param scaling s
   * @param routes tokens of a task use the rows of its block alone; for all tokens all rows where
   *     empty
   */
  public record Form(int r, int frozenRows, double scaling, Optional<Blocks> routes) implements AdapterForm {
    @Override
    public LoraAdapter create(Decoder model, List<String> modules, int members) {
      return held(() -> new LoraAdapter(this, model, modules, members));
    }

    /** Rows that a configuration does not freeze are zero in its A⁰ and B⁰ and change nothing. */
    @Override
    public Optional<AdapterForm> with(AdapterForm other) {
      boolean alike = other instanceof Form form && r == form.r && scaling == form.scaling
          && routes.equals(form.routes);
      return alike
          ? Optional.of(new Form(r, Math.max(frozenRows, ((Form) other).frozenRows), scaling, routes))
          : Optional.empty();
    }

    /** {@inheritDoc} Of a token the products with A' are kept; the effective factors are held. */
    @Override
    public Memory memory(DecoderMemory.Linear layer, DType dtype) {
      long width = (long) layer.in() + layer.out();
      boolean own = frozenRows > 0 || dtype != DType.F32;
      long effective = own ? (r + frozenRows) * width * dtype.bytes() : 0;
      return new Memory(r * width, effective + frozenRows * width * DType.F32.bytes(), r + frozenRows);
    }
  }

  /** One factor of all modules of a stack. */
  private static final class Side {
    private Tensor frozen; // (K, n, R, width)
    private Tensor effective; // (K, n, r + R, width)
  }

  /** The effective factors of a module, (r', width) or (K, r', width). */
  private record Leaves(Tensor a, Tensor bt) {}

  private LoraAdapter(Form form, Decoder model, List<String> modules, int members) {
    super(model, modules, members, (in, out) -> fields(form.r, in, out));
    this.form = form;
    Placement placement = model.placement().with(DType.F32);
    for (Stack stack : stacks()) {
      Map<String, Side> both = new LinkedHashMap<>();
      stack.fields().forEach((name, field) -> both.put(name, side(field, placement)));
      sides.put(stack, both);
    }
    for (String module : modules()) {
      Site site = site(module);
      Map<String, Side> both = sides.get(site.stack());
      leaves.put(site, new Leaves(
          leaf(both.get(A).effective, site.index()), leaf(both.get(BT).effective, site.index())));
    }
    this.routes = form.routes().map(layout -> Tensors.to(
        Tensors.of(layout.members(false), layout.tasks(), layout.r()), model.placement()));
  }

  private Side side(Field field, Placement placement) {
    Side side = new Side();
    long n = field.values().size(1);
    long width = field.values().size(3);
    if (form.frozenRows == 0) {
      side.effective = mirror(field);
    } else {
      side.effective =
          Tensors.zeros(placement.with(computeType()), members(), n, form.r + form.frozenRows, width);
      side.frozen = Tensors.zeros(placement, members(), n, form.frozenRows, width);
    }
    return side;
  }

  /**
   * One configuration with zeros; give every module its {@link #set start} before use.
   *
   * @param modules names of linear layers of {@code model}
   * @param alpha numerator of the scaling alpha / r
   */
  public static LoraAdapter create(Decoder model, List<String> modules, int r, int frozenRows, double alpha) {
    return new Form(r, frozenRows, alpha / r, Optional.empty()).create(model, modules, 1);
  }

  private static Map<String, Field> fields(int r, int in, int out) {
    Map<String, Field> fields = new LinkedHashMap<>();
    fields.put(A, new Field(r, in));
    fields.put(BT, Field.fast(r, out));
    return fields;
  }

  /** The one that is alone on a linear layer for all tokens, if there is such a one, and it can be one matrix with it. */
  public static Optional<LoraAdapter> aloneOn(Projection layer) {
    return layer instanceof AdaptedProjection adapted && adapted.adapters().size() == 1 && adapted.inner().isBare()
        ? Optional.of(adapted.adapters().get(0)).filter(LoraAdapter::stacks).map(LoraAdapter.class::cast)
        : Optional.empty();
  }

  /** Those of which a linear layer has one chosen by a token's task, if all of them can be one matrix with it; else none. */
  public static List<LoraAdapter> chosenOn(Projection layer) {
    return layer instanceof ChosenAdapter chosen && chosen.inner().isBare()
        && chosen.adapters().stream().allMatch(LoraAdapter::stacks)
        ? chosen.adapters().stream().map(LoraAdapter.class::cast).toList() : List.of();
  }

  private static boolean stacks(Adapter adapter) {
    return adapter instanceof LoraAdapter lora && lora.members() == 1 && lora.routes.isEmpty();
  }

  /** Copies a module's start into the buffers of the first member. */
  public void set(String module, Factors start) {
    set(module, 0, start);
  }

  /** Copies a module's start into the buffers. */
  public void set(String module, int member, Factors start) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      Site site = site(module);
      set(site, member, A, start.a(), start.a0());
      set(site, member, BT, start.bt(), start.b0t());
      declare(module, member, start.blocks());
    }
  }

  private void set(Site site, int member, String field, Tensor values, Tensor frozen) {
    site.values(field).select(0, member).copy_(values);
    if (form.frozenRows > 0) {
      Tensor rows = sides.get(site.stack()).get(field).frozen.select(1, site.index()).select(0, member);
      Ops.narrow(rows, 0, 0, frozen.size(0)).copy_(frozen);
    }
  }

  @Override
  Tensor apply(Site site, Tensor x, Tensor wx, Optional<Tensor> bias, TokenBatch batch) {
    Leaves leaf = leaves.get(site);
    return plusTimes(wx, routed(times(x, leaf.a), batch), leaf.bt, form.scaling);
  }

  /** With z = s R A x, routed or not: y = W x + B z, dB += dy zᵀ, dz = s R Bᵀ dy, dA += dz xᵀ, dx += Aᵀ dz. */
  @Override
  Share share(Site site, Tensor x, Tensor wx, Optional<Tensor> bias, TokenBatch batch, Tape tape) {
    Tensor a = leaves.get(site).a;
    Tensor bt = leaves.get(site).bt;
    Tensor z;
    try (NoGrad off = NoGrad.open()) {
      z = tape.keep(Ops.scaleInPlace(routed(times(x, a), batch), form.scaling));
      addTimes(wx, z, bt);
    }
    return new Share() {
      private Tensor dz;

      @Override
      public Tensor y() {
        return wx;
      }

      @Override
      public Tensor backward(Tensor dy) {
        dz = Ops.scaleInPlace(routed(times(dy, bt), batch), form.scaling);
        if (byTask(batch)) {
          taskGradients().orElseThrow().add(site, BT, z, dy, batch);
          taskGradients().orElseThrow().add(site, A, dz, x, batch);
        } else {
          addGradient(site.gradients(BT), BT, product(z, dy));
          addGradient(site.gradients(A), A, product(dz, x));
        }
        return dy;
      }

      @Override
      public void addTo(Tensor dx) {
        addTimes(dx, dz, a);
      }
    };
  }

  /** leftᵀ right of each member: (K, r', width). */
  private Tensor product(Tensor left, Tensor right) {
    return Ops.bmm(Ops.transposeLast(left.view(members(), -1, left.size(1))),
        right.view(members(), -1, right.size(1)));
  }

  /** Tokens of a task use the rows of its block alone, where they are routed. */
  private Tensor routed(Tensor z, TokenBatch batch) {
    if (routes.isEmpty()) {
      return z;
    }
    Tensor rows = batch.perToken(routes.get()); // (N, r)
    return Ops.mul(z.view(members(), -1, form.r), rows).view(z.size(0), form.r);
  }

  /**
   * Adds the gradient of an effective factor, (..., r + R, width), to that of the factor (..., r,
   * width): A is in A' twice, B once.
   */
  void addGradient(Tensor target, String field, Tensor effective) {
    target.add_(Ops.narrow(effective, -2, 0, form.r));
    if (form.frozenRows > 0 && field.equals(A)) {
      Ops.narrow(target, -2, 0, form.frozenRows).add_(Ops.narrow(effective, -2, form.r, form.frozenRows));
    }
  }

  @Override
  public void refresh() {
    super.refresh();
    if (form.frozenRows == 0) {
      return;
    }
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      for (Stack stack : stacks()) {
        Side a = sides.get(stack).get(A);
        rows(a, 0, form.r).copy_(stack.field(A).values());
        rows(a, form.r, form.frozenRows).copy_(sinceStart(stack.field(A), a));
        Side bt = sides.get(stack).get(BT);
        rows(bt, 0, form.r).copy_(stack.field(BT).values());
        rows(bt, 0, form.frozenRows).copy_(sinceStart(stack.field(BT), bt));
        rows(bt, form.r, form.frozenRows).copy_(bt.frozen);
      }
    }
  }

  private static Tensor rows(Side side, long start, long count) {
    return Ops.narrow(side.effective, 2, start, count);
  }

  /** What training has changed of the task rows (K, n, R, width). */
  private Tensor sinceStart(Field field, Side side) {
    return Ops.sub(Ops.narrow(field.values(), 2, 0, form.frozenRows), side.frozen);
  }

  @Override
  public boolean merges() {
    return routes.isEmpty();
  }

  @Override
  public boolean tellsTasksApart() {
    return true;
  }

  @Override
  public boolean needsTask() {
    return routes.isPresent();
  }

  @Override
  public Tensor merged(String module, int member, Tensor w) {
    if (!merges()) {
      throw new UnsupportedOperationException("one LoRA a task does not merge into one weight");
    }
    return Ops.add(w, delta(module, member));
  }

  /** What the first member adds to a module's weight. */
  public Tensor delta(String module) {
    return delta(module, 0);
  }

  /**
   * What a member adds to a module's weight, s (B A − B⁰ A⁰), (out, in) in float64 on the CPU; the
   * caller's scope owns it.
   */
  public Tensor delta(String module, int member) {
    return TensorScope.keep(() -> {
      Export factors = export(module, member);
      Placement wide = new Placement("cpu", DType.F64);
      return Ops.scale(Ops.matmul(Tensors.to(factors.b, wide), Tensors.to(factors.a, wide)), form.scaling);
    });
  }

  /** The first member's update of a module as ordinary LoRA factors. */
  public Export export(String module) {
    return export(module, 0);
  }

  /**
   * A member's update of a module as ordinary LoRA factors of rank r + R: A = [A; A⁰], B = [B, −B⁰],
   * to be scaled by {@link #scaling}.
   */
  public Export export(String module, int member) {
    Site site = site(module);
    Tensor a = site.values(A).select(0, member);
    Tensor bt = site.values(BT).select(0, member);
    if (form.frozenRows > 0) {
      Map<String, Side> both = sides.get(site.stack());
      a = Ops.cat(0, a, both.get(A).frozen.select(1, site.index()).select(0, member));
      bt = Ops.cat(0, bt, Ops.scale(both.get(BT).frozen.select(1, site.index()).select(0, member), -1));
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

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> state = super.state();
    for (int i = 0; form.frozenRows > 0 && i < stacks().size(); i++) {
      state.put("frozen.a." + i, sides.get(stacks().get(i)).get(A).frozen);
      state.put("frozen.bt." + i, sides.get(stacks().get(i)).get(BT).frozen);
    }
    return state;
  }

  /** A (n, r, in) of a stack's modules, a view of a member's parameters. */
  public Tensor a(Stack stack, int member) {
    return stack.field(A).values().select(0, member);
  }

  /** Bᵀ (n, r, out) of a stack's modules, a view of a member's parameters. */
  public Tensor bt(Stack stack, int member) {
    return stack.field(BT).values().select(0, member);
  }

  /** A' (n, r', in) of a stack's modules, of the first member; a view. */
  Tensor effectiveA(Stack stack) {
    return sides.get(stack).get(A).effective.select(0, 0);
  }

  /** B'ᵀ (n, r', out) of a stack's modules, of the first member; a view. */
  Tensor effectiveBt(Stack stack) {
    return sides.get(stack).get(BT).effective.select(0, 0);
  }

  /** Gradient of A (n, r, in), a view of a member's gradients. */
  public Tensor gradA(Stack stack, int member) {
    return stack.field(A).gradients().select(0, member);
  }

  /** Gradient of Bᵀ (n, r, out), a view of a member's gradients. */
  public Tensor gradBt(Stack stack, int member) {
    return stack.field(BT).gradients().select(0, member);
  }

  /** Rank of every module. */
  @Override
  public int rank() {
    return form.r;
  }

  /** The blocks of tasks that tokens are routed to, if they are. */
  public Optional<Blocks> routes() {
    return form.routes;
  }

  /** Rank of the exported factors, r + R. */
  public int exportRank() {
    return form.r + form.frozenRows;
  }

  /** s. */
  public double scaling() {
    return form.scaling;
  }
}
