/**
 * Tensors: the one package that knows libtorch's Java binding beyond its {@code Tensor} class.
 *
 * <p>Read {@link thanora.tensor.Ops} for the operators, {@link thanora.tensor.Tensors} for the way
 * between Java arrays and tensors, {@link thanora.tensor.TensorScope} for who frees memory.
 */
package thanora.tensor;
