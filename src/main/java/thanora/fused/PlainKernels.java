package thanora.fused;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Activation;
import thanora.tensor.DType;
import thanora.tensor.Into;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** The kernels by operators of libtorch, for any type and device. */
final class PlainKernels implements Kernels {
  @Override
  public void norm(Tensor x, Tensor weight, double eps, Tensor y, Tensor rstd) {
    try (TensorScope scope = TensorScope.open()) {
      Into.inverseRms(rstd, x, eps);
      normAgain(x, weight, rstd, y);
    }
  }

  @Override
  public void normAgain(Tensor x, Tensor weight, Tensor rstd, Tensor y) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor to = room(y);
      Into.mul(to, wide(x), rstd.unsqueeze(1));
      Into.mul(to, to, wide(weight));
      write(to, y);
    }
  }

  @Override
  public void copy(Tensor x, Tensor to) {
    to.copy_(x);
  }

  @Override
  public void addNorm(Tensor a, Tensor b, Tensor weight, double eps, Tensor sum, Tensor y, Tensor rstd) {
    Into.add(sum, a, b);
    norm(sum, weight, eps, y, rstd);
  }

  /** dx = residual + rstd (w dy − x̂ mean(x̂ w dy)) with x̂ = x rstd. */
  @Override
  public void normBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor residual, Tensor dx) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor scale = rstd.unsqueeze(1); // (N, 1)
      Tensor wide = wide(x);
      Tensor upstream = Ops.mul(wide(dy), wide(weight)); // w dy
      Tensor along = Ops.sum(Ops.mul(upstream, wide), 1).unsqueeze(1); // x · w dy
      Tensor cube = Ops.mul(Ops.mul(scale, scale), scale);
      Tensor to = room(dx);
      Into.addcmul(to, wide(residual), upstream, scale, 1);
      Into.addcmul(to, to, wide, Ops.mul(along, cube), -1.0 / x.size(1));
      write(to, dx);
    }
  }

  @Override
  public void turn(Tensor x, int headDim, Tensor cos, Tensor sin, boolean back, Tensor to) {
    try (TensorScope scope = TensorScope.open()) {
      long half = cos.size(1);
      Tensor from = heads(x, headDim);
      Tensor result = heads(to, headDim);
      Tensor first = wide(Ops.narrow(from, 2, 0, half));
      Tensor second = wide(Ops.narrow(from, 2, half, half));
      Tensor c = wide(cos).unsqueeze(1);
      Tensor s = wide(sin).unsqueeze(1);
      double sign = back ? -1 : 1;
      Tensor turned = Ops.addProductInPlace(Ops.mul(first, c), second, s, -sign);
      Tensor other = Ops.addProductInPlace(Ops.mul(second, c), first, s, sign);
      write(turned, Ops.narrow(result, 2, 0, half));
      write(other, Ops.narrow(result, 2, half, half));
      long rest = headDim - 2 * half;
      if (rest > 0 && to != x) {
        write(Ops.narrow(from, 2, 2 * half, rest), Ops.narrow(result, 2, 2 * half, rest));
      }
    }
  }

  @Override
  public void gated(Activation activation, Tensor gate, Tensor up, Tensor y) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor to = room(y);
      activation.into(to, wide(gate));
      Into.mul(to, to, wide(up));
      write(to, y);
    }
  }

  @Override
  public void gatedBackward(
      Activation activation, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup, Optional<Tensor> y) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor wideGate = wide(gate);
      Tensor wideUp = wide(up);
      Tensor upstream = wide(dy);
      Tensor active = activation.of(wideGate);
      if (y.isPresent()) {
        Tensor product = room(y.get());
        Into.mul(product, active, wideUp);
        write(product, y.get());
      }
      Tensor ofActive = Ops.mul(upstream, wideUp);
      write(Ops.mulInPlace(active, upstream), dup);
      activation.backwardInto(ofActive, ofActive, wideGate);
      write(ofActive, dgate);
    }
  }

  /** x (N, heads · headDim), of strided rows too, as (N, heads, headDim); a view. */
  private static Tensor heads(Tensor x, int headDim) {
    return x.view(x.size(0), -1, headDim);
  }

  /** In the type that is calculated in: float32 for 16 bits, else as it is. */
  private static Tensor wide(Tensor x) {
    return DType.of(x).bytes() == 2 ? Tensors.cast(x, DType.F32) : x;
  }

  /** Where a result for this tensor is calculated: itself, or float32 beside it. */
  private static Tensor room(Tensor to) {
    return DType.of(to).bytes() == 2 ? Tensors.empty(Tensors.placement(to).with(DType.F32), Tensors.shape(to)) : to;
  }

  private static void write(Tensor result, Tensor to) {
    if (result != to) {
      to.copy_(result);
    }
  }
}
