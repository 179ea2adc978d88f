package thanora.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** A decoder layer: attention, then the feed-forward block, each with a norm before it, some with one after. */
final class DecoderLayer {
  private final Norm beforeAttention;
  private final Attention attention;
  private final Optional<Norm> afterAttention;
  private final Norm beforeFeedForward;
  private final FeedForward feedForward;
  private final Optional<Norm> afterFeedForward;

  private DecoderLayer(Source source) {
    boolean after = source.config.norms().after();
    beforeAttention = source.norm("input_layernorm");
    attention = source.attention();
    afterAttention = source.norm(after, "post_attention_layernorm");
    beforeFeedForward = source.norm(after ? "pre_feedforward_layernorm" : "post_attention_layernorm");
    feedForward = source.feedForward();
    afterFeedForward = source.norm(after, "post_feedforward_layernorm");
  }

  static DecoderLayer read(ModelConfig config, int index, Reader reader) {
    return new DecoderLayer(new Source(config, index, config.modules() + "layers." + index + ".", reader));
  }

  /** (N, D) → (N, D). */
  Tensor apply(Tensor x, TokenBatch batch, Optional<Angles> angles) {
    Tensor mixed = attention.apply(Steps.norm(batch, x, beforeAttention), batch, angles);
    Tensor attended = Steps.add(batch, x, normed(mixed, afterAttention, batch));
    Tensor fed = feedForward.apply(Steps.norm(batch, attended, beforeFeedForward), batch);
    return Steps.add(batch, attended, normed(fed, afterFeedForward, batch));
  }

  private static Tensor normed(Tensor x, Optional<Norm> norm, TokenBatch batch) {
    return norm.isPresent() ? Steps.norm(batch, x, norm.get()) : x;
  }

  /** What it has beside its linear layers, where it is arranged as Llama's, without norms of heads or caps. */
  Optional<LayerParts> parts() {
    boolean plain = afterAttention.isEmpty() && afterFeedForward.isEmpty() && attention.queryNorm().isEmpty()
        && attention.keyNorm().isEmpty() && attention.config().scores().cap() == 0;
    return plain ? Optional.of(new LayerParts(
        beforeAttention, attention.overRows(), beforeFeedForward, feedForward.activation())) : Optional.empty();
  }

  /** Its linear layers in order of the forward pass, those that read the same input together. */
  List<List<Slot>> slots() {
    return List.of(attention.inputs().slots(), List.of(attention.output()),
        feedForward.inputs().slots(), List.of(feedForward.down()));
  }

  /** Where the parts of a layer come from. */
  private record Source(ModelConfig config, int index, String at, Reader reader) {
    Norm norm(String name) {
      return reader.norm(at + name + ".weight", config.hidden(), config.norms());
    }

    Optional<Norm> norm(boolean wanted, String name) {
      return wanted ? Optional.of(norm(name)) : Optional.empty();
    }

    private Optional<Norm> headNorm(String name) {
      return config.norms().ofHeads()
          ? Optional.of(reader.norm(at + name + ".weight", config.headDim(), config.norms())) : Optional.empty();
    }

    Attention attention() {
      int[] widths = {config.queryWidth(), config.kvWidth(), config.kvWidth()};
      Branches inputs = branches(config.attentionBias(), "self_attn.qkv_proj",
          List.of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), widths);
      Slot output = slot("self_attn.o_proj", config.hidden(), config.queryWidth(), config.outputBias());
      return new Attention(
          config, index, inputs, output, headNorm("self_attn.q_norm"), headNorm("self_attn.k_norm"));
    }

    FeedForward feedForward() {
      int inner = config.feedForward();
      Branches inputs = branches(config.feedForwardBias(), "mlp.gate_up_proj",
          List.of("mlp.gate_proj", "mlp.up_proj"), inner, inner);
      Slot down = slot("mlp.down_proj", config.hidden(), inner, config.feedForwardBias());
      return new FeedForward(inputs, down, config.activation());
    }

    private Branches branches(boolean bias, String stacked, List<String> apart, int... widths) {
      if (config.stacked()) {
        return new Branches(List.of(slot(stacked, Branches.total(widths), config.hidden(), bias)), widths);
      }
      List<Slot> slots = new ArrayList<>();
      for (int i = 0; i < widths.length; i++) {
        slots.add(slot(apart.get(i), widths[i], config.hidden(), bias));
      }
      return new Branches(slots, widths);
    }

    private Slot slot(String name, int out, int in, boolean bias) {
      return Slot.read(reader, at + name, out, in, bias);
    }
  }
}
