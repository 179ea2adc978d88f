package thanora.lora;

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
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * y = ρ ∘ (W + s B A) x + bias with ρ = m / n, where n are the lengths of the rows of W + s B A, taken
 * as constants by the gradient, and m is trained and starts at the lengths of the rows of W.
 *
 * <p>The forward pass reads ρ − 1, made once a step in float32: it is 0 at the start and its small
 * changes survive bfloat16. n² = ‖W‖² + 2s (W Aᵀ ∘ B) 1 + s² (B A Aᵀ ∘ B) 1 by rows, so W + s B A is
 * never made. Source: Liu et al., arXiv 2402.09353; numbers as PEFT's.
 */
public final class DoraAdapter extends Adapter {
  static final String A = "a";
  static final String BT = "bt";
  static final String M = "m";

  private final Form form;
  private final Decoder model;
  private final Map<Site, Leaves> leaves = new HashMap<>();

  /** The form: rank and scaling s, the same in every module. */
  public record Form(int r, double scaling) implements AdapterForm {
    @Override
    public DoraAdapter create(Decoder model, List<String> modules, int members) {
      return held(() -> new DoraAdapter(this, model, modules, members));
    }

    /** {@inheritDoc} Libtorch's graph keeps W x, the sum, and y, which other nodes may keep as well. */
    @Override
    public Memory memory(DecoderMemory.Linear layer, DType dtype) {
      long width = (long) layer.in() + layer.out();
      long mirrors = dtype == DType.F32 ? 0 : r * width * dtype.bytes();
      long vectors = layer.out() * (2L * DType.F32.bytes() + dtype.bytes());
      return new Memory(r * width + layer.out(), mirrors + vectors,
          r + (layer.outputIsKept() ? 2L : 3L) * layer.out());
    }
  }

  /**
   * What the forward pass reads of a module.
   *
   * @param shift ρ − 1, (out) or (K, out): a leaf in the type of the activations
   * @param shifts the same as (K, out), without gradient
   * @param lengths n (K, out), float32
   * @param squares ‖W‖² by rows (out), float32
   */
  private record Leaves(
      Tensor a, Tensor bt, Tensor shift, Tensor shifts, Tensor lengths, Tensor squares) {}

  private DoraAdapter(Form form, Decoder model, List<String> modules, int members) {
    super(model, modules, members, (in, out) -> fields(form.r, in, out));
    this.form = form;
    this.model = model;
    for (String module : modules()) {
      Site site = site(module);
      Tensor shifts = Tensors.zeros(model.placement(), members, 1, site.stack().out());
      Tensor lengths = Tensors.zeros(model.placement().with(DType.F32), members, site.stack().out());
      leaves.put(site, new Leaves(
          leaf(site, A), leaf(site, BT), leaf(shifts, 0), shifts.select(1, 0), lengths, squares(site)));
    }
  }

  private static Map<String, Field> fields(int r, int in, int out) {
    Map<String, Field> fields = new LinkedHashMap<>();
    fields.put(A, new Field(r, in));
    fields.put(BT, Field.fast(r, out));
    fields.put(M, Field.fast(out));
    return fields;
  }

  /**
   * Copies a module's start into a member's buffers; m becomes the lengths of the rows of W + s B A.
   *
   * @param a (r, in)
   * @param bt (r, out)
   */
  public void set(String module, int member, Tensor a, Tensor bt) {
    copyIn(module, member, Map.of(A, a, BT, bt));
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      Site site = site(module);
      site.values(M).select(0, member).copy_(lengths(site).select(0, member));
    }
  }

  /** Copies factors and magnitudes m (out) into the first member's buffers. */
  public void set(String module, Tensor a, Tensor bt, Tensor m) {
    copyIn(module, 0, Map.of(A, a, BT, bt, M, m));
  }

  /** W (out, in), float32. */
  private Tensor weight(Site site) {
    return Tensors.to(model.projection(site.name()).weight(), new Placement(device(), DType.F32));
  }

  private Tensor squares(Site site) {
    return TensorScope.keep(() -> {
      Tensor w = weight(site);
      return Ops.sum(Ops.mul(w, w), 1);
    });
  }

  /** n (K, out), float32. */
  private Tensor lengths(Site site) {
    Tensor a = site.values(A); // (K, r, in)
    Tensor bt = site.values(BT); // (K, r, out)
    Tensor cross = Ops.linear(a, weight(site)); // (K, r, out): A Wᵀ
    Tensor square = Ops.bmm(Ops.bmm(a, Ops.transposeLast(a)), bt); // (K, r, out): A Aᵀ Bᵀ
    Tensor inner = Ops.add(Ops.scale(cross, 2 * form.scaling), Ops.scale(square, form.scaling * form.scaling));
    Tensor squares = Ops.add(Ops.sum(Ops.mul(inner, bt), 1), leaves.get(site).squares);
    return Ops.sqrt(Ops.atLeast(squares, 0));
  }

  @Override
  public void refresh() {
    super.refresh();
    try (NoGrad off = NoGrad.open()) {
      leaves.forEach((site, module) -> {
        try (TensorScope scope = TensorScope.open()) {
          module.lengths.copy_(lengths(site));
          module.shifts.copy_(Ops.plus(Ops.div(site.values(M), module.lengths), -1));
        }
      });
    }
  }

  @Override
  Tensor apply(Site site, Tensor x, Tensor wx, Optional<Tensor> bias, TokenBatch batch) {
    Leaves module = leaves.get(site);
    Tensor u = plusTimes(wx, times(x, module.a), module.bt, form.scaling);
    Tensor scaled = bias.isPresent() ? Ops.sub(u, bias.get()) : u;
    long width = site.stack().out();
    Tensor shift = module.shift.view(members(), 1, width);
    Tensor y = Ops.addcmul(u.view(members(), -1, width), scaled.view(members(), -1, width), shift)
        .view(-1, width);
    want(batch, site, A, module.a);
    want(batch, site, BT, module.bt);
    batch.tape().ifPresent(tape -> tape.want(module.shift, g ->
        site.gradients(M).add_(Ops.div(perMember(g), module.lengths))));
    return y;
  }

  @Override
  public Tensor merged(String module, int member, Tensor w) {
    return TensorScope.keep(() -> {
      Site site = site(module);
      Placement wide = new Placement("cpu", DType.F64);
      Tensor a = Tensors.to(site.values(A).select(0, member), wide);
      Tensor bt = Tensors.to(site.values(BT).select(0, member), wide);
      Tensor m = Tensors.to(site.values(M).select(0, member), wide);
      Tensor direction = Ops.add(w, Ops.scale(Ops.matmul(Ops.transpose(bt), a), form.scaling));
      return Ops.mul(direction, Ops.div(m.unsqueeze(1), Ops.norms(direction, -1)));
    });
  }

  /** A member's A (r, in), B (out, r) and m (out) of a module. */
  public Export export(String module, int member) {
    Site site = site(module);
    return new Export(site.values(A).select(0, member).contiguous(),
        site.values(BT).select(0, member).t().contiguous(), site.values(M).select(0, member).contiguous());
  }

  /** Factors and magnitudes of a module. */
  public record Export(Tensor a, Tensor b, Tensor m) {}

  /** Rank of every module. */
  @Override
  public int rank() {
    return form.r;
  }

  /** s. */
  public double scaling() {
    return form.scaling;
  }
}
