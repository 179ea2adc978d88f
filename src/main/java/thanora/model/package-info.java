/**
 * The decoder: Llama and its relatives in one class; {@link thanora.model.Family} says in what they differ,
 * {@link thanora.model.ModelConfig} what a model is.
 *
 * <p>Read {@link thanora.model.Decoder}, then {@link thanora.model.DecoderLayer} and {@link
 * thanora.model.Attention}; {@link
 * thanora.model.Projection} is where adapters and recorders go in. Activations are (N, D): N real
 * tokens of all rows, no padding.
 */
package thanora.model;
