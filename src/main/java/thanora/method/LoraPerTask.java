package thanora.method;

import java.util.Optional;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.Blocks;
import thanora.lora.LoraAdapter;

/**
 * One LoRA a task: the rank is shared out evenly, and a token uses the factors of its own task alone.
 * It is told the task and does not merge; merging rules for several LoRAs begin here.
 *
 * <p>Every task's LoRA sees the rows of its task in the steps in which they come: the same as training
 * each by itself on them, but for the common clipping.
 */
public record LoraPerTask() implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    return new LoraAdapter.Form(setting.r(), 0, setting.scaling(), Optional.of(blocks(setting)));
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    PlainLora.start(setting, (LoraAdapter) adapter, member, blocks(setting));
    return Optional.empty();
  }

  private static Blocks blocks(Setting setting) {
    return Blocks.even(setting.taskNames().size(), setting.r());
  }
}
