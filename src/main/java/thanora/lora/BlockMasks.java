package thanora.lora;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * The block layouts of n modules of one shape, as the tensors that {@link SubspacePenalty} needs;
 * made once, since layouts do not change while training.
 *
 * @param pairs Z (n, r, r): 1 where row and column belong to different tasks, else 0
 * @param members (n, blocks, r): 1 where a row belongs to a block, else 0
 */
public record BlockMasks(Tensor pairs, Tensor members) {
  /**
   * Of modules in the order of the stack.
   *
   * @param layouts one a module, all of the same r and number of tasks
   * @param includeCoop counts the cooperative block as one more task
   * @param placement where the factors' gradients live
   * @throws IllegalArgumentException where layouts differ in r or tasks
   */
  public static BlockMasks of(List<Blocks> layouts, boolean includeCoop, Placement placement) {
    int r = layouts.get(0).r();
    int tasks = layouts.get(0).tasks();
    int blocks = tasks + (includeCoop ? 1 : 0);
    float[] pairs = new float[layouts.size() * r * r];
    float[] members = new float[layouts.size() * blocks * r];
    for (int i = 0; i < layouts.size(); i++) {
      Blocks layout = layouts.get(i);
      if (layout.r() != r || layout.tasks() != tasks) {
        throw new IllegalArgumentException(
            "blocks " + layout + " do not fit a stack of rank " + r + " and " + tasks
                + " tasks; stack modules of equal rank only");
      }
      System.arraycopy(layout.mask(includeCoop), 0, pairs, i * r * r, r * r);
      System.arraycopy(layout.members(includeCoop), 0, members, i * blocks * r, blocks * r);
    }
    return new BlockMasks(
        Tensors.to(Tensors.of(pairs, layouts.size(), r, r), placement),
        Tensors.to(Tensors.of(members, layouts.size(), blocks, r), placement));
  }

  /** Blocks that are compared with each other. */
  int blocks() {
    return (int) members.size(1);
  }
}
