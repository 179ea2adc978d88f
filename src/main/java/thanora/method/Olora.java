package thanora.method;

import java.util.Optional;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.LoraAdapter;
import thanora.tensor.TensorScope;

/** OLoRA: LoRA that starts from the QR decomposition of W; {@link OloraStart} has the formula. */
public record Olora() implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    return new LoraAdapter.Form(setting.r(), setting.r(), setting.scaling(), Optional.empty());
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    for (String module : setting.modules()) {
      try (TensorScope scope = TensorScope.open()) {
        ((LoraAdapter) adapter).set(module, member, OloraStart.start(
            setting.model().projection(module).weight(), setting.r(), setting.scaling()));
      }
    }
    return Optional.empty();
  }
}
