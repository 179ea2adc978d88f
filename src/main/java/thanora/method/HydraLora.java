package thanora.method;

import java.util.Optional;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.HydraLoraAdapter;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * HydraLoRA: one A, several B, a router for every token. It does not merge. Its rank is the one that
 * brings the trainable numbers nearest to a plain LoRA's; the scale is the plain LoRA's.
 *
 * <p>Source: Tian et al., arXiv 2404.19245, and their code: four heads, no balancing loss.
 *
 * @param heads number of B
 */
public record HydraLora(int heads) implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    int r = EqualBudget.rank(setting, (rank, in, out) -> HydraLoraAdapter.Form.parameters(rank, heads, in, out));
    return new HydraLoraAdapter.Form(r, heads, setting.scaling());
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    HydraLoraAdapter hydra = (HydraLoraAdapter) adapter;
    for (String module : setting.modules()) {
      try (TensorScope scope = TensorScope.open()) {
        long in = setting.model().projection(module).weight().size(1);
        long out = setting.model().projection(module).weight().size(0);
        hydra.set(module, member, PlainLora.uniformA(setting, module, hydra.rank()),
            Tensors.zeros(Placement.CPU_F32, (long) heads * hydra.rank(), out),
            PlainLora.uniform(setting, "hydra.router " + module, heads, in));
      }
    }
    return Optional.empty();
  }
}
