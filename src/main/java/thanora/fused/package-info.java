/**
 * The fast layer: a decoder layer's forward and backward pass as one node of the tape, written by hand.
 *
 * <p>{@link thanora.fused.Kernels} are its elementwise parts, for each kind of device.
 */
package thanora.fused;
