package thanora.lora;

import org.bytedeco.pytorch.Tensor;
import thanora.model.Projection;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Tensors;

/**
 * y = W x + s B' (A' x) for every token, whatever its task.
 *
 * @param inner the layer adapted
 * @param a A' (r', in), float32, takes gradients
 * @param bt B'ᵀ (r', out), float32, takes gradients
 * @param scaling s
 */
record LoraProjection(Projection inner, Tensor a, Tensor bt, double scaling) implements Projection {
  @Override
  public Tensor apply(Tensor x, TokenBatch batch) {
    DType dtype = DType.of(x);
    Tensor z = Ops.linear(x, Tensors.cast(a, dtype)); // (N, r')
    return Ops.addmm(inner.apply(x, batch), z, Tensors.cast(bt, dtype), scaling);
  }

  @Override
  public Tensor weight() {
    return inner.weight();
  }
}
