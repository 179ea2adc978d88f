package thanora.model;

/**
 * What a decoder layer has beside its linear layers, in the plain arrangement of Llama: a norm before
 * attention and one before the feed-forward block.
 *
 * @param activation of the gate
 */
public record LayerParts(
    Norm beforeAttention, CausalAttention attention, Norm beforeFeedForward, Activation activation) {}
