package thanora.method;

import java.util.Optional;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;

/** OLoRA: LoRA that starts from the QR decomposition of W; {@link OloraStart} has the formula. */
public record Olora() implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    return FrozenStart.form(setting);
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    FrozenStart.each(setting, adapter, member, w -> OloraStart.start(w, setting.r(), setting.scaling()));
    return Optional.empty();
  }
}
