package thanora.method;

import java.util.Optional;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.DoraAdapter;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * DoRA: lengths of the rows of the merged weight are trained apart from their directions; LoRA's
 * start. It merges. Source: Liu et al., arXiv 2402.09353.
 */
public record Dora() implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    return new DoraAdapter.Form(setting.r(), setting.scaling());
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    for (String module : setting.modules()) {
      try (TensorScope scope = TensorScope.open()) {
        ((DoraAdapter) adapter).set(module, member,
            PlainLora.uniformA(setting, module, setting.r()),
            Tensors.zeros(Placement.CPU_F32, setting.r(), setting.model().projection(module).weight().size(0)));
      }
    }
    return Optional.empty();
  }
}
