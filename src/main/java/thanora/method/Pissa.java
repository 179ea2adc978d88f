package thanora.method;

import java.util.Optional;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.LoraAdapter;
import thanora.tensor.TensorScope;

/** PiSSA: LoRA that starts from the leading singular vectors of W; {@link PissaStart} has the formula. */
public record Pissa() implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    return new LoraAdapter.Form(setting.r(), setting.r(), setting.scaling(), Optional.empty());
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    for (String module : setting.modules()) {
      try (TensorScope scope = TensorScope.open()) {
        ((LoraAdapter) adapter).set(module, member, PissaStart.start(
            setting.model().projection(module).weight(), setting.r(), setting.scaling()));
      }
    }
    return Optional.empty();
  }
}
