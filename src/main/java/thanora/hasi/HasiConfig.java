package thanora.hasi;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Every choice of the initialisation. {@link #thanora()} is what measures best,
 * {@link #thanoraPaper()} the literal reading of the paper.
 *
 * @param preview what is measured
 * @param ranks how ranks follow from it
 * @param start how the factors start
 */
public record HasiConfig(Preview preview, RankRule ranks, Start start) {
  public HasiConfig {
    Objects.requireNonNull(preview);
    Objects.requireNonNull(ranks);
    Objects.requireNonNull(start);
    if (preview.statistic == Statistic.X && start.split != Split.UNIT) {
      throw new IllegalArgumentException(
          "hasi.statistic x gives A only; use hasi.split unit, or hasi.statistic wc");
    }
    if (preview.statistic == Statistic.X && start.subtract != Subtract.FROZEN) {
      throw new IllegalArgumentException(
          "hasi.statistic x starts with B = 0 and nothing to subtract; leave hasi.subtract frozen");
    }
    if (preview.statistic == Statistic.GRADIENT) {
      requireGradientOnly(preview, start);
    }
  }

  /** The gradient is what it is: no second moment, all tokens of a row, and no product P Pᵀ W. */
  private static void requireGradientOnly(Preview preview, Start start) {
    Map<String, Boolean> kept = new LinkedHashMap<>();
    kept.put("hasi.split=unit", start.split == Split.UNIT);
    kept.put("hasi.preview_tokens=all", preview.tokens == PreviewTokens.ALL);
    kept.put("hasi.drop_first_token=false", !preview.dropFirstToken);
    kept.put("hasi.centre=false", !preview.centre);
    kept.put("hasi.covariance=token_mean",
        preview.normalisation == Moments.Normalisation.TOKEN_MEAN);
    kept.put("hasi.damping=0", preview.damping == 0);
    kept.put("hasi.spectra=exact or auto", preview.spectra != Spectra.ESTIMATED);
    kept.put("SpectrumOf.STATISTIC", preview.spectrumOf == SpectrumOf.STATISTIC);
    List<String> broken = kept.keySet().stream().filter(key -> !kept.get(key)).toList();
    if (!broken.isEmpty()) {
      throw new IllegalArgumentException(
          "hasi.statistic: gradient goes with " + String.join(", ", broken)
              + " only; set that, or take hasi.statistic=wc");
    }
  }

  /** Preset {@code thanora}. */
  public static HasiConfig thanora() {
    return new HasiConfig(
        new Preview(
            Statistic.WC, SpectrumOf.STATISTIC, EntropyPower.SIGMA, 0,
            Moments.Normalisation.TOKEN_MEAN,
            200, PreviewTokens.ALL, false, false, Spectra.AUTO),
        new RankRule(
            Ranks.ENTROPY, Allocation.SOFTMAX, 0.5, Granularity.MODULE, 1, true, Rounding.GREEDY),
        new Start(Subspaces.TASK, Split.UNIT, 0.2, 1, true, 48, Subtract.FROZEN));
  }

  /** Preset {@code thanora-paper}. */
  public static HasiConfig thanoraPaper() {
    HasiConfig base = thanora();
    return new HasiConfig(
        base.preview.withRows(500),
        base.ranks,
        base.start.withSplit(Split.BALANCED).withDeflation(false));
  }

  /**
   * Whether B starts at 0 in every block, so that there is nothing to freeze: plain LoRA's start.
   */
  public boolean startsAtZero() {
    return start.subspaces == Subspaces.RANDOM
        || preview.statistic == Statistic.X
        || start.split == Split.UNIT && start.b == 0;
  }

  /** With another preview. */
  public HasiConfig with(Preview other) {
    return new HasiConfig(other, ranks, start);
  }

  /** With another rank rule. */
  public HasiConfig with(RankRule other) {
    return new HasiConfig(preview, other, start);
  }

  /** With another start. */
  public HasiConfig with(Start other) {
    return new HasiConfig(preview, ranks, other);
  }

  /**
   * Whose leading vectors span a task's subspace; C is the normalised second moment of the input.
   */
  public enum Statistic {
    /** Left vectors of W C (CorDA). */
    WC,
    /** Left vectors of W C^½: the best approximation of the outputs. */
    WC_HALF,
    /** Principal directions of the inputs (EVA): gives A only, B starts at 0. */
    X,
    /**
     * Right vectors of G, the gradient of the task's loss with respect to W, for A; −G v for B
     * (after LoRA-GA, arXiv 2407.05000, where one gradient serves the whole adapter).
     */
    GRADIENT;

    /** Whether a task's subspace is one of inputs, so that its vectors are rows of A as they are. */
    boolean ofInputs() {
      return this == X || this == GRADIENT;
    }
  }

  /** Whose singular values the entropy is taken of. */
  public enum SpectrumOf {
    /** The statistic's own. */
    STATISTIC,
    /** The eigenvalues of C. */
    COVARIANCE
  }

  /** What is normalised to a distribution. */
  public enum EntropyPower {
    SIGMA,
    SIGMA_SQUARED
  }

  /** The width up to which spectra are exact by themselves: above it one takes seconds. */
  public static final int EXACT_UP_TO = 2048;

  /** How singular values and vectors are found. */
  public enum Spectra {
    /** Estimated where a linear layer is wider than {@link #EXACT_UP_TO} on either side. */
    AUTO,
    /** All of them, in float64: d³ operations a linear layer and task. */
    EXACT,
    /** Leading ones by subspace iteration, the entropy of the others from a sample. */
    ESTIMATED
  }

  /** Which tokens of a row are measured. */
  public enum PreviewTokens {
    ALL,
    PROMPT,
    LABELS
  }

  /** Whether ranks follow the entropies. */
  public enum Ranks {
    ENTROPY,
    UNIFORM
  }

  /** From entropies to shares. */
  public enum Allocation {
    /** exp(H/τ), normalised. */
    SOFTMAX,
    /** H^{1/τ}, normalised. */
    LINEAR
  }

  /** Whose entropies count for a module. */
  public enum Granularity {
    /** Its own. */
    MODULE,
    /** The mean over the modules of its decoder layer. */
    LAYER
  }

  /** From shares to whole ranks. */
  public enum Rounding {
    /** One after the other to the task that is furthest below its share. */
    GREEDY,
    /**
     * Rounded down, the rest to the cooperative block, so that task rows differ between modules.
     */
    FLOOR_COOP,
    /** Rounded down, the rest to the task of highest share. */
    FLOOR_TOP
  }

  /** Where blocks come from. */
  public enum Subspaces {
    TASK,
    /** Uniform A and B = 0 in every block, as plain LoRA starts: an ablation. */
    RANDOM
  }

  /** How a subspace is divided between A and B. */
  public enum Split {
    /** Rows of A as long as LoRA's (1/√3), columns of B of length b. */
    UNIT,
    /** √‖row‖ to both sides. */
    BALANCED,
    /** √σ to both sides, as CorDA. */
    CORDA
  }

  /** What takes the initial product off again, so that step 0 is the base model. */
  public enum Subtract {
    /** A frozen copy of the task rows. */
    FROZEN,
    /** W itself, changed to W − s B⁰A⁰. */
    RESIDUAL,
    /** Nothing: step 0 is not the base model. */
    NONE
  }

  /**
   * What is measured.
   *
   * @param damping added to the diagonal of C, whose mean is 1
   * @param rows training rows of each task, at most
   * @param dropFirstToken leaves out the first token of each row, where attention sinks live
   * @param centre takes the mean activation off
   * @param spectra how singular values and vectors are found
   */
  public record Preview(
      Statistic statistic,
      SpectrumOf spectrumOf,
      EntropyPower entropyPower,
      double damping,
      Moments.Normalisation normalisation,
      int rows,
      PreviewTokens tokens,
      boolean dropFirstToken,
      boolean centre,
      Spectra spectra) {
    public Preview {
      require(damping >= 0 && damping < 1e6, "hasi.damping", damping, "0 or more");
      require(rows >= 1, "hasi.preview_rows", rows, "1 or more");
      if (centre && normalisation == Moments.Normalisation.CORDA) {
        throw new IllegalArgumentException(
            "hasi.centre needs a mean over tokens; use hasi.covariance token_mean");
      }
    }

    /**
     * What a {@link PreviewPass} or a {@link GradientPass} depends on, all else as in the preset:
     * previews whose passes are equal can share one, whatever they make of what it measures.
     */
    public Preview pass() {
      return new Preview(
          statistic == Statistic.GRADIENT ? statistic : Statistic.WC, SpectrumOf.STATISTIC,
          EntropyPower.SIGMA, 0, normalisation, rows, tokens, dropFirstToken, centre, spectra);
    }

    public Preview withStatistic(Statistic other) {
      return new Preview(
          other, spectrumOf, entropyPower, damping, normalisation, rows, tokens, dropFirstToken,
          centre, spectra);
    }

    public Preview withSpectrumOf(SpectrumOf other) {
      return new Preview(
          statistic, other, entropyPower, damping, normalisation, rows, tokens, dropFirstToken,
          centre, spectra);
    }

    public Preview withEntropyPower(EntropyPower other) {
      return new Preview(
          statistic, spectrumOf, other, damping, normalisation, rows, tokens, dropFirstToken,
          centre, spectra);
    }

    public Preview withDamping(double other) {
      return new Preview(
          statistic, spectrumOf, entropyPower, other, normalisation, rows, tokens, dropFirstToken,
          centre, spectra);
    }

    public Preview withNormalisation(Moments.Normalisation other) {
      return new Preview(
          statistic, spectrumOf, entropyPower, damping, other, rows, tokens, dropFirstToken,
          centre, spectra);
    }

    public Preview withRows(int other) {
      return new Preview(
          statistic, spectrumOf, entropyPower, damping, normalisation, other, tokens,
          dropFirstToken,
          centre, spectra);
    }

    public Preview withTokens(PreviewTokens other) {
      return new Preview(
          statistic, spectrumOf, entropyPower, damping, normalisation, rows, other, dropFirstToken,
          centre, spectra);
    }

    public Preview withDropFirstToken(boolean other) {
      return new Preview(
          statistic, spectrumOf, entropyPower, damping, normalisation, rows, tokens, other, centre, spectra);
    }

    public Preview withSpectra(Spectra other) {
      return new Preview(
          statistic, spectrumOf, entropyPower, damping, normalisation, rows, tokens, dropFirstToken,
          centre, other);
    }

    /** Whether the spectra of a linear layer of this shape are estimated. */
    boolean estimates(long dOut, long dIn) {
      return statistic != Statistic.GRADIENT && switch (spectra) {
        case AUTO -> Math.max(dOut, dIn) > EXACT_UP_TO;
        case EXACT -> false;
        case ESTIMATED -> true;
      };
    }

    public Preview withCentre(boolean other) {
      return new Preview(
          statistic, spectrumOf, entropyPower, damping, normalisation, rows, tokens, dropFirstToken,
          other, spectra);
    }
  }

  /**
   * How ranks follow from what is measured.
   *
   * @param tau temperature of the shares, above 0; infinite gives equal shares
   * @param rMin rank that every task gets at least, 0 or more
   * @param coop keeps ⌊r/(T+1)⌋ rows for a cooperative block
   */
  public record RankRule(
      Ranks ranks,
      Allocation allocation,
      double tau,
      Granularity granularity,
      int rMin,
      boolean coop,
      Rounding rounding) {
    public RankRule {
      require(tau > 0, "hasi.tau", tau, "a number above 0, or infinity");
      require(rMin >= 0, "hasi.r_min", rMin, "0 or more");
    }

    public RankRule withRanks(Ranks other) {
      return new RankRule(other, allocation, tau, granularity, rMin, coop, rounding);
    }

    public RankRule withAllocation(Allocation other) {
      return new RankRule(ranks, other, tau, granularity, rMin, coop, rounding);
    }

    public RankRule withTau(double other) {
      return new RankRule(ranks, allocation, other, granularity, rMin, coop, rounding);
    }

    public RankRule withGranularity(Granularity other) {
      return new RankRule(ranks, allocation, tau, other, rMin, coop, rounding);
    }

    public RankRule withRMin(int other) {
      return new RankRule(ranks, allocation, tau, granularity, other, coop, rounding);
    }

    public RankRule withCoop(boolean other) {
      return new RankRule(ranks, allocation, tau, granularity, rMin, other, rounding);
    }

    public RankRule withRounding(Rounding other) {
      return new RankRule(ranks, allocation, tau, granularity, rMin, coop, other);
    }
  }

  /**
   * How the factors start.
   *
   * @param b length of B's columns under {@link Split#UNIT}; 0 starts as plain LoRA does
   * @param gamma scale of the initial product under the other splits: s B A = γ P Pᵀ W
   * @param deflation each task's subspace is taken from what earlier tasks left
   * @param deflationVectors leading vectors of each task that deflation looks at, weighted by σ; 0
   *     for all of them, which is exact
   */
  public record Start(
      Subspaces subspaces,
      Split split,
      double b,
      double gamma,
      boolean deflation,
      int deflationVectors,
      Subtract subtract) {
    public Start {
      require(b >= 0 && b < 1e6, "hasi.b", b, "0 or more");
      require(gamma > 0 && gamma < 1e6, "hasi.gamma", gamma, "a number above 0");
      require(deflationVectors >= 0, "hasi.deflation_vectors", deflationVectors, "0 (all) or more");
    }

    public Start withSubspaces(Subspaces other) {
      return new Start(other, split, b, gamma, deflation, deflationVectors, subtract);
    }

    public Start withSplit(Split other) {
      return new Start(subspaces, other, b, gamma, deflation, deflationVectors, subtract);
    }

    public Start withB(double other) {
      return new Start(subspaces, split, other, gamma, deflation, deflationVectors, subtract);
    }

    public Start withGamma(double other) {
      return new Start(subspaces, split, b, other, deflation, deflationVectors, subtract);
    }

    public Start withDeflation(boolean other) {
      return new Start(subspaces, split, b, gamma, other, deflationVectors, subtract);
    }

    public Start withDeflationVectors(int other) {
      return new Start(subspaces, split, b, gamma, deflation, other, subtract);
    }

    public Start withSubtract(Subtract other) {
      return new Start(subspaces, split, b, gamma, deflation, deflationVectors, other);
    }
  }

  private static void require(boolean holds, String key, Object value, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(key + " " + value + " is not allowed; use " + rule);
    }
  }
}
