package thanora.method;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.lora.LoraAdapter;
import thanora.tensor.Placement;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * One LoRA for all tasks: A ~ U(−1/√d_in, 1/√d_in), B = 0, no regulariser.
 *
 * <p>Source: Hu et al., arXiv 2106.09685; the start is PEFT's default. Rank-stabilised: s = alpha/√r,
 * Kalajdzievski, arXiv 2312.03732.
 *
 * @param rankStabilised whether s = alpha/√r instead of alpha/r
 */
public record PlainLora(boolean rankStabilised) implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    double scaling = rankStabilised ? setting.alpha() / Math.sqrt(setting.r()) : setting.scaling();
    return new LoraAdapter.Form(setting.r(), 0, scaling, Optional.empty());
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    start(setting, (LoraAdapter) adapter, member, new Blocks(new int[] {0}, setting.r()));
    return Optional.empty();
  }

  /** PEFT's default start of every module, with these blocks. */
  static void start(Setting setting, LoraAdapter adapter, int member, Blocks blocks) {
    for (String module : setting.modules()) {
      try (TensorScope scope = TensorScope.open()) {
        Tensor a = uniformA(setting, module, adapter.rank());
        Tensor bt = Tensors.zeros(
            Placement.CPU_F32, adapter.rank(), setting.model().projection(module).weight().size(0));
        Tensor none = Tensors.empty(Placement.CPU_F32, 0, 1);
        adapter.set(module, member, new Factors(a, bt, none, none, blocks));
      }
    }
  }

  /** A (r, in) ~ U(−1/√in, 1/√in), a function of seed and module. */
  static Tensor uniformA(Setting setting, String module, int r) {
    return uniform(setting, "lora.A " + module, r, setting.model().projection(module).weight().size(1));
  }

  /** (rows, width) ~ U(−1/√width, 1/√width), a function of seed and purpose. */
  static Tensor uniform(Setting setting, String purpose, int rows, long width) {
    float[] values = Seeds.uniform(
        Seeds.stream(setting.seed(), purpose), Math.toIntExact(rows * width), 1 / Math.sqrt(width));
    return Tensors.of(values, rows, width);
  }
}
