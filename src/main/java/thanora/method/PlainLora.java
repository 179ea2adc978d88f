package thanora.method;

import java.util.Optional;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.Adapter;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.lora.Penalty;
import thanora.tensor.Placement;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * One LoRA for all tasks: A ~ U(−1/√d_in, 1/√d_in), B = 0, no regulariser.
 *
 * <p>Source: Hu et al., arXiv 2106.09685; the start is PEFT's default.
 */
public final class PlainLora implements AdapterMethod {
  @Override
  public Start start(Setting setting) {
    Adapter adapter = empty(setting);
    for (String module : setting.modules()) {
      try (TensorScope scope = TensorScope.open()) {
        Tensor w = setting.model().projection(module).weight();
        int in = (int) w.size(1);
        Random random = Seeds.stream(setting.seed(), "lora.A " + module);
        Tensor a = Tensors.of(
            Seeds.uniform(random, setting.r() * in, 1 / Math.sqrt(in)), setting.r(), in);
        Tensor bt = Tensors.zeros(Placement.CPU_F32, setting.r(), w.size(0));
        Tensor none = Tensors.empty(Placement.CPU_F32, 0, 1);
        adapter.set(module, new Factors(a, bt, none, none, new Blocks(new int[] {0}, setting.r())));
      }
    }
    return new Start(adapter, Optional.empty());
  }

  @Override
  public Adapter empty(Setting setting) {
    return Adapter.create(setting.model(), setting.modules(), setting.r(), 0, setting.alpha());
  }

  @Override
  public Penalty penalty(Adapter adapter) {
    return Penalty.NONE;
  }
}
