/**
 * The decoder: Llama, Mistral, Qwen2 and Qwen3 in one class, told apart by {@link
 * thanora.model.ModelConfig}.
 *
 * <p>Read {@link thanora.model.Decoder}, then {@link thanora.model.Attention}; {@link
 * thanora.model.Projection} is where adapters and recorders go in. Activations are (N, D): N real
 * tokens of all rows, no padding.
 */
package thanora.model;
