/**
 * The adapter: one low-rank update a linear layer, ΔW = s (B A − B⁰ A⁰), s = alpha / r.
 *
 * <p>Read {@link thanora.lora.Adapter} for where the factors live, {@link
 * thanora.lora.LoraProjection} for the forward pass, {@link thanora.lora.Blocks} for which rows of A
 * belong to which task, {@link thanora.lora.SubspacePenalty} for the regulariser.
 */
package thanora.lora;
