package thanora.method;

import java.util.Optional;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;

/** PiSSA: LoRA that starts from the leading singular vectors of W; {@link PissaStart} has the formula. */
public record Pissa() implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    return FrozenStart.form(setting);
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    FrozenStart.each(setting, adapter, member, w -> PissaStart.start(w, setting.r(), setting.scaling()));
    return Optional.empty();
  }
}
