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
import thanora.tensor.Ops;
import thanora.tensor.Tensors;

/**
 * y = W x + s (Σ_i π_ti B_i) Λ_t A x for a token of task t, π_t = softmax(w_t / τ): one A, an r x r
 * matrix a task, several B that each task mixes. It is told the task, and merges for one task only.
 * Source: Yang et al., arXiv 2410.09437, and their code.
 */
public final class MtlLoraAdapter extends Adapter {
  static final String A = "a";
  static final String BT = "bt";
  static final String LAMBDA = "lambda";
  static final String MIX = "mix";

  private final Form form;
  private final Tensor ownTask; // (T, T), the identity: a task's row marks it
  private final Map<Site, Leaves> leaves = new HashMap<>();

  /** The form: rank, number of B, tasks, temperature τ, scaling s. */
  public record Form(int r, int heads, int tasks, double temperature, double scaling) implements AdapterForm {
    @Override
    public MtlLoraAdapter create(Decoder model, List<String> modules, int members) {
      return held(() -> new MtlLoraAdapter(this, model, modules, members));
    }

    /** Trainable numbers of a module. */
    public static long parameters(int r, int heads, int tasks, long in, long out) {
      return r * (in + heads * out) + (long) tasks * (r * r + heads);
    }
  }

  /** What the forward pass reads of a module. */
  private record Leaves(Tensor a, Tensor bt, Tensor lambda, Tensor mix) {}

  private MtlLoraAdapter(Form form, Decoder model, List<String> modules, int members) {
    super(model, modules, members, (in, out) -> fields(form, in, out));
    this.form = form;
    float[] identity = new float[form.tasks * form.tasks];
    for (int task = 0; task < form.tasks; task++) {
      identity[task * form.tasks + task] = 1;
    }
    this.ownTask = Tensors.to(Tensors.of(identity, form.tasks, form.tasks), model.placement());
    for (String module : modules()) {
      Site site = site(module);
      leaves.put(site, new Leaves(leaf(site, A), leaf(site, BT), leaf(site, LAMBDA), leaf(site, MIX)));
    }
  }

  private static Map<String, Field> fields(Form form, int in, int out) {
    Map<String, Field> fields = new LinkedHashMap<>();
    fields.put(A, new Field(form.r, in));
    fields.put(BT, Field.fast((long) form.heads * form.r, out));
    fields.put(LAMBDA, new Field((long) form.tasks * form.r, form.r));
    fields.put(MIX, new Field(form.tasks, form.heads));
    return fields;
  }

  /**
   * Copies a module's start into a member's buffers.
   *
   * @param a (r, in)
   * @param bt all B transposed, one after another: (heads · r, out)
   * @param lambda all Λ, one after another: (T r, r)
   * @param mix w (T, heads)
   */
  public void set(String module, int member, Tensor a, Tensor bt, Tensor lambda, Tensor mix) {
    copyIn(module, member, Map.of(A, a, BT, bt, LAMBDA, lambda, MIX, mix));
  }

  @Override
  Tensor apply(Site site, Tensor x, Tensor wx, Optional<Tensor> bias, TokenBatch batch) {
    Leaves leaf = leaves.get(site);
    int k = members();
    Tensor z = times(x, leaf.a); // (K N, r)
    Tensor byTask = times(z, leaf.lambda).view(k, -1, form.tasks, form.r); // Λ_t z for every t
    Tensor own = batch.perToken(ownTask).unsqueeze(-1); // (N, T, 1)
    Tensor turned = Ops.sum(Ops.mul(byTask, own), 2); // (K, N, r)
    Tensor mix = batch.perToken(Ops.softmax(Ops.scale(leaf.mix, 1 / form.temperature))); // (N, n), (K, N, n)
    Tensor weighted = Ops.mul(mix.view(k, -1, form.heads, 1), turned.unsqueeze(2)).view(x.size(0), -1);
    want(batch, site, A, leaf.a);
    want(batch, site, BT, leaf.bt);
    want(batch, site, LAMBDA, leaf.lambda);
    want(batch, site, MIX, leaf.mix);
    return plusTimes(wx, weighted, leaf.bt, form.scaling);
  }

  @Override
  public boolean merges() {
    return false;
  }

  @Override
  public boolean needsTask() {
    return true;
  }

  @Override
  public Tensor merged(String module, int member, Tensor w) {
    throw new UnsupportedOperationException("mtl-lora is told the task and does not merge into one weight");
  }

  /** Rank of A and of each B. */
  @Override
  public int rank() {
    return form.r;
  }
}
