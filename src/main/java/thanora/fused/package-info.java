/**
 * The fast layer: a decoder layer's forward and backward pass as one node of the tape, written by hand, or its forward
 * pass alone, for answers.
 *
 * <p>{@link thanora.fused.Kernels} are its elementwise parts, for each kind of device, {@link
 * thanora.fused.NextTokens} its attention where rows go on by a token.
 */
package thanora.fused;
