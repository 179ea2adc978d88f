package thanora.lora;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;

/**
 * The subspace-preserving regulariser (SPR) of ThanoRA, in closed form.
 *
 * <p>L_SPR = (1/#modules) Σ_modules Σ_{i&lt;j} (‖A_i A_jᵀ‖² + ‖B_iᵀ B_j‖²) over pairs of tasks.
 * Since ⟨B_i A_i, B_j A_j⟩ = Σ (B_iᵀB_j) ∘ (A_i A_jᵀ), either product at zero keeps two tasks'
 * updates orthogonal. One Gram a side does it for all pairs: with X the rows of A, or of Bᵀ, G = X
 * Xᵀ and Z the mask of {@link BlockMasks}, the value is ½‖Z∘G‖² and the gradient 2(Z∘G)X. The
 * cosine form does the same with rows scaled to length 1 and projects the gradient: (I −
 * x̂x̂ᵀ)(2(Z∘G)X̂)/‖x‖. Lengths are in G's diagonal, and what is projected are sums of rows of X, so both
 * are done on r × r matrices. With {@link SprConfig.Between#ROWS} each row is a block of its own.
 *
 * <p>All modules of one shape are one stack and cost two {@code bmm} a side, whatever the number of
 * tasks. Called once an optimiser step, not once a micro-batch. Records no graph.
 *
 * <p>Source: Liang et al., arXiv 2505.18640.
 */
public final class SubspacePenalty {
  private static final double LENGTH_EPS = 1e-12;
  private static final double ROOT_EPS = 1e-12;

  private final SprConfig config;
  private final int modules;

  /**
   * For one adapter.
   *
   * @param modules adapted modules in all stacks together, which the mean is taken over
   */
  public SubspacePenalty(SprConfig config, int modules) {
    if (modules < 1) {
      throw new IllegalArgumentException("modules " + modules + " is smaller than 1");
    }
    this.config = config;
    this.modules = modules;
  }

  /**
   * Adds λ ∂L_SPR/∂A and λ ∂L_SPR/∂Bᵀ of one stack to the gradients, in place.
   *
   * @param a (n, r, d_in), float32 or float64
   * @param bt B transposed, (n, r, d_out)
   * @param masks of the same n modules, same element type
   * @param gradA added to, shape of {@code a}
   * @param gradBt added to, shape of {@code bt}
   * @return this stack's part of L_SPR, without λ, as a tensor of one element; the sum over stacks
   *     is L_SPR. Nothing waits for the device until it is read.
   */
  public Tensor addTo(Tensor a, Tensor bt, BlockMasks masks, Tensor gradA, Tensor gradBt) {
    return TensorScope.keep(
        () -> {
          try (NoGrad off = NoGrad.open()) {
            Side left = side(a, gradA);
            Side right = side(bt, gradBt);
            Tensor value =
                config.mode() == SprConfig.Mode.COUPLED
                    ? coupled(left, right, masks)
                    : Ops.add(separate(left, masks), separate(right, masks));
            return Ops.scale(value, 1.0 / modules);
          }
        });
  }

  /** What is summed over pairs (n, ·, ·), over the number of pairs of its module where their mean is wanted. */
  private Tensor reduced(Tensor x, BlockMasks masks) {
    return config.pairs() == SprConfig.Pairs.MEAN ? Ops.div(x, masks.counts()) : x;
  }

  /**
   * One side of the modules of a stack.
   *
   * @param rows X (n, r, ·)
   * @param inverse 1/‖x‖ (n, r, 1), where rows are compared by their cosine
   * @param gram of the rows as they are compared (n, r, r)
   * @param gradient added to
   */
  private record Side(Tensor rows, Optional<Tensor> inverse, Tensor gram, Tensor gradient) {}

  private Side side(Tensor x, Tensor gradient) {
    Tensor rows = x.detach();
    Tensor gram = Ops.bmm(rows, Ops.transposeLast(rows));
    if (config.norm() != SprConfig.Norm.COSINE) {
      return new Side(rows, Optional.empty(), gram, gradient);
    }
    Tensor inverse = Ops.atLeast(Ops.diagonals(gram), LENGTH_EPS * LENGTH_EPS).rsqrt_().unsqueeze(-1);
    return new Side(rows, Optional.of(inverse), between(gram, inverse), gradient);
  }

  /** Each entry times the factors of its row and of its column. */
  private static Tensor between(Tensor gram, Tensor factors) {
    return Ops.mul(Ops.mul(gram, factors), Ops.transposeLast(factors));
  }

  private Tensor separate(Side side, BlockMasks masks) {
    Tensor between = Ops.mul(masks.pairs(), side.gram);
    return switch (config.norm()) {
      case COSINE, SQUARED -> {
        Tensor weights = reduced(between, masks);
        addGradient(side, weights, 2);
        yield Ops.scale(Ops.sum(Ops.mul(weights, between)), 0.5);
      }
      case L1 -> {
        Tensor signs = reduced(Ops.sign(between), masks);
        addGradient(side, signs, 1);
        yield Ops.scale(Ops.sum(Ops.mul(signs, between)), 0.5);
      }
      case FROBENIUS -> frobenius(side, between, masks);
    };
  }

  /** Σ_{i<j} √(s_ij + eps) with s_ij = ‖G_ij‖²; d/dX = (Z∘G/√s) X. */
  private Tensor frobenius(Side side, Tensor between, BlockMasks masks) {
    Tensor squares = Ops.plus(perPair(Ops.mul(between, between), masks), ROOT_EPS);
    Tensor roots = Ops.sqrt(squares);
    addGradient(side, reduced(Ops.div(between, spread(roots, masks, 1)), masks), 1);
    Tensor sums = Ops.sum(Ops.sum(roots, -1), -1).view(-1, 1, 1); // of each module, its diagonal too
    Tensor ofPairs = Ops.plus(sums, -masks.blocks() * Math.sqrt(ROOT_EPS));
    return Ops.scale(Ops.sum(reduced(ofPairs, masks)), 0.5);
  }

  /**
   * Σ_{i<j} c_ij² with c_ij = Σ G^A_ij ∘ G^B_ij; d/dA = 2 (c ∘ Z ∘ G^B) A, and with A and B
   * changed.
   */
  private Tensor coupled(Side left, Side right, BlockMasks masks) {
    Tensor products = Ops.mul(masks.pairs(), Ops.mul(left.gram, right.gram));
    Tensor inner = perPair(products, masks);
    Tensor weights = reduced(Ops.mul(masks.pairs(), spread(inner, masks, 0)), masks);
    addGradient(left, Ops.mul(weights, right.gram), 2);
    addGradient(right, Ops.mul(weights, left.gram), 2);
    return Ops.scale(Ops.sum(Ops.mul(reduced(inner, masks), inner)), 0.5);
  }

  /** Sums over block pairs: (n, r, r) to (n, blocks, blocks). */
  private static Tensor perPair(Tensor gram, BlockMasks masks) {
    Tensor members = masks.members();
    return Ops.bmm(Ops.bmm(members, gram), Ops.transposeLast(members));
  }

  /**
   * Each block pair's value at its rows: (n, blocks, blocks) to (n, r, r); {@code rest} elsewhere.
   */
  private static Tensor spread(Tensor pairs, BlockMasks masks, double rest) {
    Tensor members = masks.members();
    Tensor at = Ops.bmm(Ops.bmm(Ops.transposeLast(members), pairs), members);
    if (rest == 0) {
      return at;
    }
    Tensor inside = Ops.mul(masks.pairs(), at);
    return Ops.add(inside, Ops.scale(Ops.plus(Ops.scale(masks.pairs(), -1), 1), rest));
  }

  /** gradient += λ/#modules · factor · w X, projected where rows were scaled. */
  private void addGradient(Side side, Tensor w, double factor) {
    double scale = config.lambda() * (1.0 / modules) * factor;
    if (scale == 0) {
      return;
    }
    Tensor ofRows = side.inverse.map(inverse -> projected(w, side.gram, inverse)).orElse(w);
    Ops.addBmmInPlace(side.gradient, ofRows, side.rows, scale);
  }

  /** (I − x̂x̂ᵀ) w X̂ / ‖x‖ as sums of rows of X. */
  private static Tensor projected(Tensor w, Tensor gram, Tensor inverse) {
    Tensor along = Ops.sum(Ops.mul(w, gram), -1).unsqueeze(-1); // w X̂ along x̂
    Tensor sums = between(w, inverse);
    Ops.diagonals(sums).sub_(Ops.mul(along, Ops.mul(inverse, inverse)).squeeze(-1));
    return sums;
  }
}
