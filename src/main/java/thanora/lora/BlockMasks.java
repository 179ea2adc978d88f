package thanora.lora;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * The block layouts of n modules of one shape, as the tensors that {@link SubspacePenalty} needs;
 * made once, since layouts do not change while training.
 *
 * @param pairs Z (n, r, r): 1 where row and column belong to different blocks that are kept apart, else 0
 * @param members (n, blocks, r): 1 where a row belongs to a block, else 0
 * @param counts (n, 1, 1): pairs of blocks of each module, at least 1
 */
public record BlockMasks(Tensor pairs, Tensor members, Tensor counts) {
  /**
   * Of modules in the order of the stack.
   *
   * @param layouts one a module, all of the same r and number of tasks
   * @param config whether rows or tasks are blocks, and whether the cooperative block counts
   * @param placement where the factors' gradients live
   * @throws IllegalArgumentException where layouts differ in r or tasks
   */
  public static BlockMasks of(List<Blocks> layouts, SprConfig config, Placement placement) {
    int r = layouts.get(0).r();
    int tasks = layouts.get(0).tasks();
    for (Blocks layout : layouts) {
      if (layout.r() != r || layout.tasks() != tasks) {
        throw new IllegalArgumentException(
            "blocks " + layout + " do not fit a stack of rank " + r + " and " + tasks
                + " tasks; stack modules of equal rank only");
      }
    }
    boolean byRow = config.between() == SprConfig.Between.ROWS;
    boolean coop = config.includeCoop() && !byRow; // as one more task
    List<Blocks> kept = byRow ? layouts.stream().map(layout -> layout.byRow(config.includeCoop())).toList() : layouts;
    int blocks = kept.stream().mapToInt(Blocks::tasks).max().orElseThrow() + (coop ? 1 : 0);
    float[] pairs = new float[layouts.size() * r * r];
    float[] members = new float[layouts.size() * blocks * r];
    float[] counts = new float[layouts.size()];
    for (int i = 0; i < layouts.size(); i++) {
      float[] own = kept.get(i).members(coop);
      int count = own.length / r;
      System.arraycopy(kept.get(i).mask(coop), 0, pairs, i * r * r, r * r);
      System.arraycopy(own, 0, members, i * blocks * r, own.length);
      counts[i] = Math.max(1, count * (count - 1) / 2);
    }
    return new BlockMasks(
        Tensors.to(Tensors.of(pairs, layouts.size(), r, r), placement),
        Tensors.to(Tensors.of(members, layouts.size(), blocks, r), placement),
        Tensors.to(Tensors.of(counts, layouts.size(), 1, 1), placement));
  }

  /** Blocks that are compared with each other, in the module that has most of them. */
  int blocks() {
    return (int) members.size(1);
  }
}
