package thanora.lora;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/**
 * Modules of a {@link LoraAdapter} of one member that lie at equal distances in their stack, such as the
 * same module of several layers: one call serves all of them.
 */
public final class LoraSeries {
  private final LoraAdapter adapter;
  private final Adapter.Stack stack;
  private final long first;
  private final long step;
  private final long count;

  private LoraSeries(LoraAdapter adapter, Adapter.Stack stack, long first, long step, long count) {
    this.adapter = adapter;
    this.stack = stack;
    this.first = first;
    this.step = step;
    this.count = count;
  }

  /** Those of these names, if they lie so. */
  public static Optional<LoraSeries> of(LoraAdapter adapter, List<String> modules) {
    Adapter.Site start = adapter.site(modules.get(0));
    long step = modules.size() > 1 ? adapter.site(modules.get(1)).index() - start.index() : 1;
    for (int i = 0; i < modules.size(); i++) {
      Adapter.Site site = adapter.site(modules.get(i));
      if (step < 1 || site.stack() != start.stack() || site.index() != start.index() + i * step) {
        return Optional.empty();
      }
    }
    return Optional.of(new LoraSeries(adapter, start.stack(), start.index(), step, modules.size()));
  }

  /** A' (n, r', in), a view. */
  public Tensor a() {
    return own(adapter.effectiveA(stack));
  }

  /** B'ᵀ (n, r', out), a view. */
  public Tensor bt() {
    return own(adapter.effectiveBt(stack));
  }

  /** Adds the gradient of A' (n, parts, r', in) to that of A; parts are tasks, or there is one for all. */
  public void addToA(Tensor gradient, boolean byTask) {
    adapter.addGradient(target(LoraAdapter.A, byTask), LoraAdapter.A, gradient);
  }

  /** Adds factor times the gradient of the first r rows of B'ᵀ (n, parts, r, out), which are those of Bᵀ, to it. */
  public void addToBt(Tensor gradient, double factor, boolean byTask) {
    Ops.addInPlace(target(LoraAdapter.BT, byTask), gradient, factor);
  }

  /** Where gradients go: (n, parts, r, width). */
  private Tensor target(String field, boolean byTask) {
    return own(byTask
        ? adapter.taskGradients().orElseThrow().of(stack, field).select(0, 0).transpose(0, 1)
        : stack.field(field).gradients().select(0, 0).unsqueeze(1));
  }

  private Tensor own(Tensor all) {
    return Ops.every(all, 0, first, step, count);
  }
}
