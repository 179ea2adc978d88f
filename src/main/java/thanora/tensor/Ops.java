package thanora.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The operators the project uses, named as papers name them. Pure unless the name ends in {@code
 * InPlace}; results belong to the caller's {@link TensorScope}.
 */
public final class Ops {
  private static final BoxedOperator GROUPED_PRODUCT = new BoxedOperator("aten::_grouped_mm");
  private static final BoxedOperator ADAMW = new BoxedOperator("aten::_fused_adamw_");

  private Ops() {}

  /** x Wᵀ; x (N, in), W (out, in). */
  public static Tensor linear(Tensor x, Tensor w) {
    return torch.linear(x, w);
  }

  /** x Wᵀ + bias; x (N, in), W (out, in), bias (out). */
  public static Tensor linear(Tensor x, Tensor w, Tensor bias) {
    return torch.linear(x, w, new TensorOptional(bias));
  }

  /** a b. */
  public static Tensor matmul(Tensor a, Tensor b) {
    return torch.matmul(a, b);
  }

  /** a + b. */
  public static Tensor add(Tensor a, Tensor b) {
    return a.add(b);
  }

  /** a − b. */
  public static Tensor sub(Tensor a, Tensor b) {
    return a.sub(b);
  }

  /** Element by element. */
  public static Tensor mul(Tensor a, Tensor b) {
    return a.mul(b);
  }

  /** Element by element. */
  public static Tensor div(Tensor a, Tensor b) {
    return a.div(b);
  }

  /** factor · a. */
  public static Tensor scale(Tensor a, double factor) {
    return a.mul(new Scalar(factor));
  }

  /** base + factor · (a b), in one call; base (n, m), a (n, k), b (k, m). */
  public static Tensor addmm(Tensor base, Tensor a, Tensor b, double factor) {
    return torch.addmm(base, a, b, new Scalar(1.0), new Scalar(factor));
  }

  /** base + factor · (a b) for each of a stack; base (n, p, m), a (n, p, q), b (n, q, m). */
  public static Tensor baddbmm(Tensor base, Tensor a, Tensor b, double factor) {
    return torch.baddbmm(base, a, b, new Scalar(1.0), new Scalar(factor));
  }

  /** base + a ∘ b. */
  public static Tensor addcmul(Tensor base, Tensor a, Tensor b) {
    return base.addcmul(a, b);
  }

  /** exp(x) / Σ exp over the last dimension. */
  public static Tensor softmax(Tensor x) {
    return torch.softmax(x, -1);
  }

  /** Transposed, as a view. */
  public static Tensor transpose(Tensor a) {
    return a.t();
  }

  /** Rows or columns side by side along a dimension. */
  public static Tensor cat(int dim, Tensor... parts) {
    return torch.cat(new TensorVector(parts), dim);
  }

  /** Tensors of one shape along a new dimension. */
  public static Tensor stack(int dim, Tensor... parts) {
    return torch.stack(new TensorVector(parts), dim);
  }

  /** The part [start, start + length) of a dimension, as a view. */
  public static Tensor narrow(Tensor a, int dim, long start, long length) {
    return a.narrow(dim, start, length);
  }

  /** {@code count} entries of a dimension, each {@code step} after the one before; a view. */
  public static Tensor every(Tensor a, int dim, long first, long step, long count) {
    return a.slice(dim, new LongOptional(first), new LongOptional(first + (count - 1) * step + 1), step);
  }

  /** Parts of these sizes along the first dimension, as views; their gradients are put together once. */
  public static List<Tensor> split(Tensor a, long... sizes) {
    TensorVector parts = torch.split_with_sizes(a, sizes, 0);
    List<Tensor> list = new ArrayList<>();
    for (long i = 0; i < parts.size(); i++) {
      list.add(new Tensor(parts.get(i))); // an element dies with its vector
    }
    return list;
  }

  /** The rows of a dimension that {@code index} (int64) names. */
  public static Tensor select(Tensor a, int dim, Tensor index) {
    return a.index_select(dim, index);
  }

  /** Rows of {@code table} (V, D) for ids (N). */
  public static Tensor embedding(Tensor table, Tensor ids) {
    return torch.embedding(table, ids);
  }

  /**
   * x / √(mean(x²) + eps) · weight over the last dimension, of x's type; in the weight's type where that
   * is another one.
   */
  public static Tensor rmsNorm(Tensor x, Tensor weight, double eps) {
    DType type = DType.of(x);
    Tensor wide = Tensors.cast(x, DType.of(weight));
    Tensor normed =
        torch.rms_norm(wide, new long[] {weight.numel()}, new TensorOptional(weight), new DoubleOptional(eps));
    return Tensors.cast(normed, type);
  }

  /** (x − mean) / √(variance + eps) · weight + bias over the last dimension. */
  public static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
    return torch.layer_norm(
        x, new long[] {weight.numel()}, new TensorOptional(weight), new TensorOptional(bias), eps, true);
  }

  /** x · sigmoid(x). */
  public static Tensor silu(Tensor x) {
    return torch.silu(x);
  }

  /** The gradient of {@link #silu} at x, times g. */
  public static Tensor siluBackward(Tensor g, Tensor x) {
    return torch.silu_backward(g, x);
  }

  /** x · Φ(x). */
  public static Tensor exactGelu(Tensor x) {
    return torch.gelu(x);
  }

  /** gelu(x) by its approximation with tanh. */
  public static Tensor gelu(Tensor x) {
    return torch.gelu(x, "tanh");
  }

  /** The gradient of {@link #gelu} at x, times g. */
  public static Tensor geluBackward(Tensor g, Tensor x) {
    return torch.gelu_backward(g, x, "tanh");
  }

  /** Hyperbolic tangent, element by element. */
  public static Tensor tanh(Tensor x) {
    return x.tanh();
  }

  /**
   * softmax(scale · q kᵀ) v; q (B, H, T, Dh), k and v (B, Hkv, S, Dh), grouped heads allowed.
   *
   * @param causal query t sees keys 0..t; needs T = S
   */
  public static Tensor attention(Tensor q, Tensor k, Tensor v, double scale, boolean causal) {
    return torch.scaled_dot_product_attention(
        q, k, v, new TensorOptional(), 0.0, causal, new DoubleOptional(scale), q.size(1) != k.size(1));
  }

  /** The same with a mask (B, 1, T, S) of booleans: true where a key is seen. */
  public static Tensor attention(Tensor q, Tensor k, Tensor v, double scale, Tensor mask) {
    return torch.scaled_dot_product_attention(
        q, k, v, new TensorOptional(mask), 0.0, false, new DoubleOptional(scale), q.size(1) != k.size(1));
  }

  /**
   * The same with soft-capped scores, cap · tanh(scale · q kᵀ / cap), which no fused kernel of libtorch
   * has: all scores (B, H, T, S) exist at once.
   */
  public static Tensor cappedAttention(Tensor q, Tensor k, Tensor v, double scale, double cap, Tensor mask) {
    Tensor grouped = q.reshape(q.size(0), k.size(1), -1, q.size(2), q.size(3)); // (B, Hkv, H / Hkv, T, Dh)
    Tensor scores = scale(matmul(grouped, transposeLast(k.unsqueeze(2))), scale / cap);
    Tensor seen = scale(scores.tanh(), cap)
        .masked_fill(mask.unsqueeze(2).logical_not(), new Scalar(Double.NEGATIVE_INFINITY));
    DType type = DType.of(q);
    Tensor weights = Tensors.cast(softmax(type == DType.F64 ? seen : Tensors.cast(seen, DType.F32)), type);
    return matmul(weights, v.unsqueeze(2)).reshape(q.size(0), q.size(1), q.size(2), q.size(3));
  }

  /** (1, 1, length, length) of booleans: query t sees keys t − window + 1 .. t. */
  public static Tensor causalMask(int length, int window, String device) {
    return TensorScope.keep(() ->
        Tensors.ones(new Placement(device, DType.BOOL), 1, 1, length, length).tril(0).triu(1L - window));
  }

  /** The largest entry along the last dimension, which stays with size 1. */
  public static Tensor largest(Tensor x) {
    return torch.amax(x, new long[] {-1}, true);
  }

  /** Natural logarithm of softmax over the last dimension. */
  public static Tensor logSoftmax(Tensor x) {
    return torch.log_softmax(x, -1);
  }

  /** The index of the largest entry of each row. */
  public static Tensor argmax(Tensor x) {
    return torch.argmax(x, new LongOptional(-1), false);
  }

  /** a ← a ∘ b. */
  public static Tensor mulInPlace(Tensor a, Tensor b) {
    return a.mul_(b);
  }

  /** a ← a + b. */
  public static Tensor addInPlace(Tensor a, Tensor b) {
    return a.add_(b);
  }

  /** a ← factor · a. */
  public static Tensor scaleInPlace(Tensor a, double factor) {
    return a.mul_(new Scalar(factor));
  }

  /** a ← a + factor · b. */
  public static Tensor addInPlace(Tensor a, Tensor b, double factor) {
    return a.add_(b, new Scalar(factor));
  }

  /** a ← a + value. */
  public static Tensor addInPlace(Tensor a, double value) {
    return a.add_(new Scalar(value));
  }

  /** a ← a + factor · (b ∘ c). */
  public static Tensor addProductInPlace(Tensor a, Tensor b, Tensor c, double factor) {
    return a.addcmul_(b, c, new Scalar(factor));
  }

  /** target += a b for matrices; target (n, m), a (n, k), b (k, m). */
  public static void addMatmulInPlace(Tensor target, Tensor a, Tensor b) {
    target.addmm_(a, b);
  }

  /** Backward pass from {@code output} with its gradient; leaves receive theirs. */
  public static void backward(Tensor output, Tensor gradient) {
    output.backward(gradient, new BoolOptional(), false, new TensorArrayRefOptional());
  }

  /**
   * Gradients of {@code output} with respect to each input, in one backward pass that frees its graph.
   *
   * @param gradient of what is differentiated with respect to {@code output}
   */
  public static List<Tensor> gradients(Tensor output, List<Tensor> inputs, Tensor gradient) {
    TensorVector results = torch.grad(new TensorVector(output), new TensorVector(inputs.toArray(new Tensor[0])),
        new TensorVector(gradient), new BoolOptional(false), false, false);
    List<Tensor> list = new ArrayList<>();
    for (long i = 0; i < results.size(); i++) {
      list.add(new Tensor(results.get(i))); // an element dies with its vector
    }
    return list;
  }

  /** Sum of all elements. */
  public static Tensor sum(Tensor x) {
    return x.sum();
  }

  /** Sum over one dimension. */
  public static Tensor sum(Tensor x, int dim) {
    return x.sum(dim);
  }

  /** Sum over the first dimension in float64, without a copy of x in that type. */
  public static Tensor exactSum(Tensor x) {
    return x.sum(new long[] {0}, false, new ScalarTypeOptional(DType.F64.torch));
  }

  /** Frobenius norm. */
  public static Tensor norm(Tensor x) {
    return x.norm();
  }

  /** Euclidean norm of each row of x (n, m): (n). */
  public static Tensor rowNorms(Tensor x) {
    return x.norm(new ScalarOptional(new Scalar(2.0)), new long[] {1}, false);
  }

  /** Euclidean norm of each slice along {@code dim}, which stays with size 1. */
  public static Tensor norms(Tensor x, int dim) {
    return x.mul(x).sum(new long[] {dim}, true, null).sqrt();
  }

  /** Eigenvalues of a symmetric matrix, ascending (n). */
  public static Tensor eigenvalues(Tensor symmetric) {
    return torch.linalg_eigvalsh(symmetric);
  }

  /** Eigenvalues, ascending (n), and eigenvectors as columns (n, n) of a symmetric matrix. */
  public static Eigen eigen(Tensor symmetric) {
    T_TensorTensor_T pair = torch.linalg_eigh(symmetric);
    return new Eigen(pair.get0(), pair.get1());
  }

  /** Thin singular value decomposition: U (m, k), σ descending (k), Vᵀ (k, n). */
  public static Svd svd(Tensor a) {
    T_TensorTensorTensor_T triple =
        torch.linalg_svd(a, false, new org.bytedeco.pytorch.StringViewOptional());
    return new Svd(triple.get0(), triple.get1(), triple.get2());
  }

  /** Singular values, descending. */
  public static Tensor singularValues(Tensor a) {
    return torch.linalg_svdvals(a);
  }

  /** An orthonormal basis of the columns of a (m, n), m ≥ n, by QR. */
  public static Tensor orthonormal(Tensor a) {
    return new Tensor(torch.linalg_qr(a, "reduced").get0()); // an element dies with its pair
  }

  /** Result of {@link #eigen}. */
  public record Eigen(Tensor values, Tensor vectors) {}

  /** Result of {@link #svd}. */
  public record Svd(Tensor u, Tensor sigma, Tensor vt) {}

  /** Product of each pair of a stack; a (n, p, q), b (n, q, m). */
  public static Tensor bmm(Tensor a, Tensor b) {
    return a.bmm(b);
  }

  /** Whether {@link #segmentProducts} takes them: 16 bits, rows of whole 16 bytes. */
  public static boolean servesSegments(Tensor left, Tensor right) {
    return DType.of(left).bytes() == 2 && left.size(1) % 8 == 0 && right.size(1) % 8 == 0;
  }

  /**
   * Products of segments of rows, leftᵀ right of each: (G, p, q) in the type of left, by one kernel on
   * GPUs from the H100's generation on.
   *
   * @param left (N, p)
   * @param right (N, q)
   * @param ends row behind each segment, (G) int32, on the device; the first begins at row 0
   */
  public static Tensor segmentProducts(Tensor left, Tensor right, Tensor ends) {
    return GROUPED_PRODUCT.call(left.t(), right, ends, null, null).tensor(0); // no bias, the type of left
  }

  /**
   * One update of AdamW in place, in one pass over the memory; vectors of one length, float32.
   *
   * <p>m ← β₁ m + (1−β₁) g; v ← β₂ v + (1−β₂) g²; θ ← (1 − lr·wd) θ − lr · m̂ / (√v̂ + ε), with m̂, v̂ the
   * bias-corrected moments. Source: Loshchilov and Hutter, arXiv 1711.05101.
   *
   * @param step number of this update, from 1; one element, on the same device, as the last two
   * @param divisor of the gradient, which is divided in place
   * @param stays 1 where nothing is to change, else 0
   */
  public static void adamwInPlace(Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor step,
      double rate, double beta1, double beta2, double weightDecay, double epsilon,
      Optional<Tensor> divisor, Tensor stays) {
    ADAMW.call(List.of(theta), List.of(gradient), List.of(m), List.of(v), List.of(), List.of(step),
        rate, beta1, beta2, weightDecay, epsilon, false, false, divisor.orElse(null), stays); // no variants
  }

  /** The last two dimensions swapped, as a view. */
  public static Tensor transposeLast(Tensor a) {
    return a.transpose(-2, -1);
  }

  /** Square root, element by element. */
  public static Tensor sqrt(Tensor a) {
    return a.sqrt();
  }

  /** −1, 0 or 1, element by element. */
  public static Tensor sign(Tensor a) {
    return a.sign();
  }

  /** Each element, but at least {@code floor}. */
  public static Tensor atLeast(Tensor a, double floor) {
    return a.clamp_min(new Scalar(floor));
  }

  /** a + value, element by element. */
  public static Tensor plus(Tensor a, double value) {
    return a.add(new Scalar(value));
  }

  /** target += factor · (a b) for each of a stack; target (n, p, m), a (n, p, q), b (n, q, m). */
  public static void addBmmInPlace(Tensor target, Tensor a, Tensor b, double factor) {
    target.baddbmm_(a, b, new Scalar(1.0), new Scalar(factor));
  }

  /** Sum of the diagonal of a matrix. */
  public static double trace(Tensor a) {
    return a.trace().item_double();
  }

  /** The diagonal of a matrix, as a view. */
  public static Tensor diagonal(Tensor a) {
    return a.diagonal();
  }

  /** The diagonals of a stack of matrices (n, p, p), as a view (n, p). */
  public static Tensor diagonals(Tensor a) {
    return a.diagonal(0, 1, 2);
  }

  /**
   * All eigenvalues, descending (n), and the eigenvectors of the {@code top} largest as columns
   * (n, top) of each symmetric float64 matrix; in main memory several matrices at a time, one a
   * thread, each in half the time of {@link #eigen}.
   */
  public static List<Eigen> topEigen(List<Tensor> symmetric, int top) {
    return TopEigen.of(symmetric, top);
  }

  /** The {@code count} entries of largest magnitude, 0 elsewhere. */
  public static Tensor keepLargest(Tensor a, long count) {
    return TensorScope.keep(() -> {
      Tensor flat = a.reshape(-1);
      Tensor index = torch.topk(flat.abs(), count).get1();
      return torch.zeros_like(flat).scatter(0, index, flat.gather(0, index)).view_as(a);
    });
  }

  /**
   * The lower triangle of xᵀ x (d, d) for x (n, d); what stands above it means nothing. For float32
   * in main memory at little more than half the time of the whole product.
   */
  public static Tensor lowerGram(Tensor x) {
    return LowerGram.of(x);
  }

  /**
   * sum += xᵀ x in the lower triangle, without a second matrix of that size; x (n, d) of the sum's type,
   * or of 16 bits on a GPU, where products are float32.
   */
  public static void addLowerGramInPlace(Tensor sum, Tensor x) {
    WideGram.add(sum, x);
  }

  /** Makes what {@link #addLowerGramInPlace} summed a symmetric matrix. */
  public static void mirrorInPlace(Tensor sum) {
    WideGram.mirror(sum);
  }

  /** The symmetric matrix that has this lower triangle. */
  public static Tensor mirrored(Tensor lower) {
    return TensorScope.keep(() -> lower.tril(0).add(lower.tril(-1).t()));
  }
}
