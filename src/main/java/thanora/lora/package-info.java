/**
 * Adapters: what is trained on a frozen base, K configurations of one form side by side.
 *
 * <p>Read {@link thanora.lora.Adapter} for where the numbers live, {@link thanora.lora.LoraAdapter} for
 * the form of LoRA and ThanoRA, ΔW = s (B A − B⁰ A⁰), {@link thanora.lora.Blocks} for which rows of A
 * belong to which task, {@link thanora.lora.SubspacePenalty} for the regulariser, {@link
 * thanora.lora.TaskGradients} for the gradients of tasks.
 */
package thanora.lora;
