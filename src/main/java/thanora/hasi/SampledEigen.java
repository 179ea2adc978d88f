package thanora.hasi;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The leading eigenvalues and vectors of a positive semidefinite operator that is known by its
 * products only, and a sample of the other eigenvalues, good for sums over all of them.
 *
 * <p>Leading ones: {@value #PASSES} passes of subspace iteration from a random block, {@value #SPARE}
 * columns wider than asked for, then Rayleigh-Ritz (Halko, Martinsson, Tropp, arXiv 0909.4061). The
 * rest: stochastic Lanczos quadrature (Ubaru, Chen, Saad, SIAM J. Matrix Anal. Appl. 38, 2017) from
 * {@value #PROBES} random signs, {@value #STEPS} steps each, side by side, with the leading vectors
 * projected out in every step. In the operator's own type; small matrices in float64 in main memory.
 * All of it on the caller's thread.
 *
 * @param values leading eigenvalues, descending
 * @param vectors as columns (d, values), in the caller's scope
 * @param nodes stand for the other eigenvalues
 * @param weights how many eigenvalues each node stands for
 */
record SampledEigen(double[] values, Tensor vectors, double[] nodes, double[] weights) {
  private static final int PASSES = 2;
  private static final int SPARE = 16;
  private static final int PROBES = 8;
  private static final int STEPS = 30;

  /** A length that only zeros have. */
  private static final double TINY = 1e-30;

  private static final Placement EXACT = new Placement("cpu", DType.F64);

  /**
   * Random numbers that any operator of {@code dim} rows starts from: the same for all tasks, so that
   * what the sample misses is missed alike.
   *
   * @param top leading eigenvalues that will be asked for
   */
  static float[] draws(int dim, int top) {
    return Seeds.uniform(Seeds.stream(0, "hasi.spectra." + dim), dim * (kept(dim, top) + PROBES), 1);
  }

  private static int kept(int dim, int top) {
    return Math.min(dim, top + SPARE);
  }

  /**
   * Of an operator.
   *
   * @param times its product with columns (dim, n), in the caller's scope
   * @param draws those of {@link #draws} as (dim, columns), in the operator's type
   */
  static SampledEigen of(UnaryOperator<Tensor> times, Tensor draws, int top) {
    int dim = Math.toIntExact(draws.size(0));
    int kept = kept(dim, top);
    Placement placement = new Placement(Tensors.device(draws), DType.of(draws));
    Tensor leading = Tensors.empty(placement, dim, kept);
    double[] values;
    Sample rest = new Sample(new double[0], new double[0]);
    try (TensorScope scope = TensorScope.open()) {
      values = ritz(times, iterated(times, Ops.narrow(draws, 1, 0, kept)), leading);
      if (kept < dim) {
        Tensor signs = Ops.sign(Ops.narrow(draws, 1, kept, PROBES));
        rest = sample(times, leading, signs, Math.min(STEPS, dim - kept));
      }
    }
    return new SampledEigen(values, leading, rest.nodes, rest.weights);
  }

  /** Σ f(λ) over all eigenvalues, the sampled ones by their weights. */
  double sum(DoubleUnaryOperator f) {
    return Arrays.stream(values).map(f).sum()
        + IntStream.range(0, nodes.length).mapToDouble(i -> weights[i] * f.applyAsDouble(nodes[i])).sum();
  }

  private static Tensor iterated(UnaryOperator<Tensor> times, Tensor start) {
    Tensor basis = start;
    for (int pass = 0; pass < PASSES; pass++) {
      Tensor before = basis;
      basis = TensorScope.keep(() -> Ops.orthonormal(times.apply(before)));
    }
    return basis;
  }

  /** Eigenvalues within the basis, descending; their vectors into {@code leading}. */
  private static double[] ritz(UnaryOperator<Tensor> times, Tensor basis, Tensor leading) {
    Tensor small = Tensors.to(Ops.matmul(Ops.transpose(basis), times.apply(basis)), EXACT);
    Ops.Eigen eigen = Ops.eigen(Ops.scale(Ops.add(small, Ops.transpose(small)), 0.5));
    int n = Math.toIntExact(small.size(0));
    Tensor falling = Tensors.of(IntStream.range(0, n).map(i -> n - 1 - i).toArray(), "cpu");
    Tensor turn = Ops.select(eigen.vectors(), 1, falling);
    leading.copy_(Ops.matmul(basis, Tensors.to(turn, placement(basis))));
    return atLeastZero(Ops.select(eigen.values(), 0, falling));
  }

  private static Placement placement(Tensor like) {
    return new Placement(Tensors.device(like), DType.of(like));
  }

  private static double[] atLeastZero(Tensor values) {
    return Arrays.stream(Tensors.doubles(values)).map(value -> Math.max(0, value)).toArray();
  }

  /** A quadrature: eigenvalues and how many each stands for. */
  private record Sample(double[] nodes, double[] weights) {}

  /** Lanczos from every column of {@code signs} at once, orthogonal to the leading vectors. */
  private static Sample sample(UnaryOperator<Tensor> times, Tensor leading, Tensor signs, int steps) {
    Placement placement = placement(signs);
    Tensor alphas = Tensors.zeros(placement, steps, PROBES);
    Tensor betas = Tensors.zeros(placement, steps, PROBES);
    Tensor previous = Tensors.zeros(placement, Tensors.shape(signs));
    Tensor current = Tensors.empty(placement, Tensors.shape(signs));
    Tensor beta = Tensors.zeros(placement, 1, PROBES);
    try (TensorScope scope = TensorScope.open()) {
      Tensor outside = without(leading, without(leading, signs));
      current.copy_(Ops.div(outside, Ops.atLeast(Ops.norms(outside, 0), TINY)));
    }
    for (int step = 0; step < steps; step++) {
      try (TensorScope scope = TensorScope.open()) {
        Tensor z = without(leading, times.apply(current));
        Tensor alpha = Ops.sum(Ops.mul(z, current), 0).unsqueeze(0);
        Tensor next = Ops.sub(Ops.sub(z, Ops.mul(current, alpha)), Ops.mul(previous, beta));
        Tensor clean = without(leading, next);
        Ops.narrow(alphas, 0, step, 1).copy_(alpha);
        beta.copy_(Ops.norms(clean, 0));
        Ops.narrow(betas, 0, step, 1).copy_(beta);
        previous.copy_(current);
        current.copy_(Ops.div(clean, Ops.atLeast(beta, TINY)));
      }
    }
    return quadrature(
        Tensors.doubles(alphas), Tensors.doubles(betas), steps, signs.size(0) - leading.size(1));
  }

  /** (I − Q Qᵀ) x. */
  private static Tensor without(Tensor q, Tensor x) {
    return TensorScope.keep(() -> Ops.sub(x, Ops.matmul(q, Ops.matmul(Ops.transpose(q), x))));
  }

  /**
   * Gauss quadrature of each probe: eigenvalues of its tridiagonal matrix, weighted by the squared
   * first entries of their vectors.
   *
   * @param rest how many eigenvalues all nodes together stand for
   */
  private static Sample quadrature(double[] alphas, double[] betas, int steps, double rest) {
    double[] t = new double[PROBES * steps * steps];
    for (int probe = 0; probe < PROBES; probe++) {
      for (int i = 0; i < steps; i++) {
        int row = (probe * steps + i) * steps;
        t[row + i] = alphas[i * PROBES + probe];
        if (i + 1 < steps) {
          t[row + i + 1] = betas[i * PROBES + probe];
          t[row + steps + i] = betas[i * PROBES + probe];
        }
      }
    }
    Ops.Eigen eigen = Ops.eigen(Tensors.of(t, PROBES, steps, steps));
    double[] first = Tensors.doubles(Ops.narrow(eigen.vectors(), 1, 0, 1)); // (probes, 1, steps)
    double[] weights = new double[first.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = first[i] * first[i] * rest / PROBES;
    }
    return new Sample(atLeastZero(eigen.values()), weights);
  }
}
