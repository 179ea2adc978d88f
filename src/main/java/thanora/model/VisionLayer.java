package thanora.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/** A layer of a vision tower: attention of each patch over all of its tile, then two linear layers, a norm before each. */
final class VisionLayer {
  private final VisionConfig config;
  private final LayerNorm beforeAttention;
  private final Branches inputs;
  private final Slot output;
  private final LayerNorm beforeFeedForward;
  private final Slot up;
  private final Slot down;

  VisionLayer(VisionConfig config, int index, Reader reader) {
    String at = config.tower() + "encoder.layers." + index + ".";
    int width = config.hidden();
    this.config = config;
    this.beforeAttention = LayerNorm.read(reader, at + "layer_norm1", config);
    this.inputs = new Branches(List.of("q_proj", "k_proj", "v_proj").stream()
        .map(name -> Slot.read(reader, at + "self_attn." + name, width, width, true)).toList(), width, width, width);
    this.output = Slot.read(reader, at + "self_attn.out_proj", width, width, true);
    this.beforeFeedForward = LayerNorm.read(reader, at + "layer_norm2", config);
    this.up = Slot.read(reader, at + "mlp.fc1", config.feedForward(), width, true);
    this.down = Slot.read(reader, at + "mlp.fc2", width, config.feedForward(), true);
  }

  /** (N, C) → (N, C); the batch's rows are tiles. */
  Tensor apply(Tensor x, TokenBatch batch) {
    List<Tensor> parts = inputs.apply(Steps.byAutograd(batch, x, beforeAttention::of), batch);
    Tensor attended = Steps.add(batch, x, output.apply(Steps.byAutograd(batch, parts, in -> attend(in, batch)), batch));
    Tensor hidden = up.apply(Steps.byAutograd(batch, attended, beforeFeedForward::of), batch);
    return Steps.add(batch, attended, down.apply(Steps.byAutograd(batch, hidden, config.activation()::of), batch));
  }

  private Tensor attend(List<Tensor> parts, TokenBatch batch) {
    List<Tensor> heads = parts.stream().map(x -> x.view(batch.rows(), batch.longestRow(), config.heads(), -1)
        .transpose(1, 2)).toList();
    double scale = 1 / Math.sqrt((double) config.hidden() / config.heads());
    return Ops.attention(heads.get(0), heads.get(1), heads.get(2), scale, false)
        .transpose(1, 2).reshape(batch.tokens(), config.hidden());
  }

  /** Its linear layers in order of the forward pass, those that read the same input together. */
  List<List<Slot>> slots() {
    return List.of(inputs.slots(), List.of(output), List.of(up), List.of(down));
  }
}
