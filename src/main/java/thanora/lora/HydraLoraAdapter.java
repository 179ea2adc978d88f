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
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Tensors;

/**
 * y = W x + s Σ_i ω_i(x) B_i A x with ω = softmax(G x): one A, several B, a router for every token, in
 * float32. It does not merge. Source: Tian et al., arXiv 2404.19245, and their code.
 */
public final class HydraLoraAdapter extends Adapter {
  static final String A = "a";
  static final String BT = "bt";
  static final String ROUTER = "router";

  private final Form form;
  private final Map<Site, Leaves> leaves = new HashMap<>();

  /** The form: rank of A and of each B, number of B, scaling s. */
  public record Form(int r, int heads, double scaling) implements AdapterForm {
    @Override
    public HydraLoraAdapter create(Decoder model, List<String> modules, int members) {
      return held(() -> new HydraLoraAdapter(this, model, modules, members));
    }

    /** Trainable numbers of a module. */
    public static long parameters(int r, int heads, long in, long out) {
      return r * (in + heads * out) + heads * in;
    }
  }

  /** What the forward pass reads of a module. */
  private record Leaves(Tensor a, Tensor bt, Tensor router) {}

  private HydraLoraAdapter(Form form, Decoder model, List<String> modules, int members) {
    super(model, modules, members, (in, out) -> fields(form, in, out));
    this.form = form;
    for (String module : modules()) {
      Site site = site(module);
      leaves.put(site, new Leaves(leaf(site, A), leaf(site, BT), leaf(site, ROUTER)));
    }
  }

  private static Map<String, Field> fields(Form form, int in, int out) {
    Map<String, Field> fields = new LinkedHashMap<>();
    fields.put(A, new Field(form.r, in));
    fields.put(BT, Field.fast((long) form.heads * form.r, out));
    fields.put(ROUTER, new Field(form.heads, in));
    return fields;
  }

  /**
   * Copies a module's start into a member's buffers.
   *
   * @param a (r, in)
   * @param bt all B transposed, one after another: (heads · r, out)
   * @param router G (heads, in)
   */
  public void set(String module, int member, Tensor a, Tensor bt, Tensor router) {
    copyIn(module, member, Map.of(A, a, BT, bt, ROUTER, router));
  }

  @Override
  Tensor apply(Site site, Tensor x, Tensor wx, Optional<Tensor> bias, TokenBatch batch) {
    Leaves leaf = leaves.get(site);
    Tensor z = times(x, leaf.a); // (K N, r)
    Tensor logits = times(x, leaf.router); // (K N, heads)
    Tensor omega = Tensors.cast(Ops.softmax(Tensors.cast(logits, atLeastF32())), DType.of(x));
    Tensor weighted = Ops.mul(omega.unsqueeze(2), z.unsqueeze(1)).view(x.size(0), -1);
    want(batch, site, A, leaf.a);
    want(batch, site, BT, leaf.bt);
    want(batch, site, ROUTER, leaf.router);
    return plusTimes(wx, weighted, leaf.bt, form.scaling);
  }

  private DType atLeastF32() {
    return computeType() == DType.F64 ? DType.F64 : DType.F32;
  }

  @Override
  public boolean merges() {
    return false;
  }

  @Override
  public Tensor merged(String module, int member, Tensor w) {
    throw new UnsupportedOperationException("hydralora routes every token and does not merge");
  }

  /** Rank of A and of each B. */
  @Override
  public int rank() {
    return form.r;
  }
}
