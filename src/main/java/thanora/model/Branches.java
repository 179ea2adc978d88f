package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Linear maps of one input: a layer each, or all stacked in one layer.
 *
 * @param slots the layers
 * @param widths outputs of each map
 */
record Branches(List<Slot> slots, int... widths) {
  /** x (N, in) → (N, width) for each map. */
  List<Tensor> apply(Tensor x, TokenBatch batch) {
    if (slots.size() == widths.length) {
      return slots.stream().map(slot -> slot.apply(x, batch)).toList();
    }
    Tensor stacked = slots.get(0).apply(x, batch);
    List<Tensor> parts = new ArrayList<>();
    int from = 0;
    for (int width : widths) {
      parts.add(Steps.columns(batch, stacked, from, width));
      from += width;
    }
    return parts;
  }

  static int total(int... widths) {
    return Arrays.stream(widths).sum();
  }
}
