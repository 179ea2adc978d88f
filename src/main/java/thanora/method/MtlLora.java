package thanora.method;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.MtlLoraAdapter;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * MTL-LoRA: one A, an r x r matrix a task that starts as the identity, several B that each task mixes.
 * It is told the task and does not merge. Its rank is the one that brings the trainable numbers nearest
 * to a plain LoRA's; the scale is the plain LoRA's.
 *
 * <p>Source: Yang et al., arXiv 2410.09437, and their code: three heads, τ = 0.1.
 *
 * @param heads number of B
 * @param temperature τ of the softmax over the heads
 */
public record MtlLora(int heads, double temperature) implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    int tasks = setting.taskNames().size();
    int r = EqualBudget.rank(setting,
        (rank, in, out) -> MtlLoraAdapter.Form.parameters(rank, heads, tasks, in, out));
    return new MtlLoraAdapter.Form(r, heads, tasks, temperature, setting.scaling());
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    MtlLoraAdapter mtl = (MtlLoraAdapter) adapter;
    int r = mtl.rank();
    int tasks = setting.taskNames().size();
    float[] identities = new float[tasks * r * r];
    for (int i = 0; i < tasks * r; i++) {
      identities[i * r + i % r] = 1;
    }
    for (String module : setting.modules()) {
      try (TensorScope scope = TensorScope.open()) {
        long out = setting.model().projection(module).weight().size(0);
        Tensor mix = PlainLora.uniform(setting, "mtl.mix " + module, tasks, heads);
        mtl.set(module, member, PlainLora.uniformA(setting, module, r),
            Tensors.zeros(Placement.CPU_F32, (long) heads * r, out), Tensors.of(identities, (long) tasks * r, r), mix);
      }
    }
    return Optional.empty();
  }
}
