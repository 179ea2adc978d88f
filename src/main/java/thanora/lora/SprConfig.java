package thanora.lora;

import java.util.Locale;

/**
 * Options of the subspace-preserving regulariser; defaults are those of preset {@code thanora}.
 *
 * @param lambda weight of L_SPR in the loss, at least 0; 0 adds no gradient
 * @param norm what is measured between two tasks' rows
 * @param mode each factor by itself, or the product of both
 * @param pairs how pairs of tasks, or of rows, are reduced; modules are always averaged
 * @param includeCoop counts the cooperative block as one more task
 * @param between what is kept apart
 * @param schedule course of λ over a run
 */
public record SprConfig(
    double lambda, Norm norm, Mode mode, Pairs pairs, boolean includeCoop, Between between, Schedule schedule) {
  /** What is measured between the rows of tasks i and j, with G = X Xᵀ. */
  public enum Norm {
    /** ‖G_ij‖_F² of rows scaled to length 1: angles only, so shrinking rows gains nothing. */
    COSINE,
    /** ‖G_ij‖_F². */
    SQUARED,
    /** √(‖G_ij‖_F² + 1e-12). */
    FROBENIUS,
    /** Σ |G_ij|. */
    L1
  }

  /** Which products are pushed to zero. */
  public enum Mode {
    /** A_i A_jᵀ and B_iᵀ B_j. */
    SEPARATE,
    /** ⟨B_i A_i, B_j A_j⟩², which does not change when A grows by what B shrinks. */
    COUPLED
  }

  /** What is kept apart. */
  public enum Between {
    /** The blocks of two tasks. */
    TASKS,
    /**
     * Any two rows of tasks, of one task as well: each row is a block of its own. What is left of SPR
     * when it does not know the tasks.
     */
    ROWS
  }

  /** Course of λ over a run. */
  public enum Schedule {
    CONSTANT,
    /** λ/2 · (1 + cos(π · step / steps)): down to 0 in the last step. */
    COSINE
  }

  /** Reduction over pairs of tasks or rows. */
  public enum Pairs {
    SUM,
    MEAN
  }

  public SprConfig {
    if (!(lambda >= 0) || Double.isInfinite(lambda)) {
      throw new IllegalArgumentException("spr.lambda " + lambda
          + " is not a weight; use 0 or more");
    }
    if (mode == Mode.COUPLED && (norm == Norm.FROBENIUS || norm == Norm.L1)) {
      throw new IllegalArgumentException(
          "spr.norm: " + norm.name().toLowerCase(Locale.ROOT)
              + " has no coupled form; use cosine or squared, or spr.mode separate");
    }
    if (between == Between.ROWS && norm == Norm.FROBENIUS) {
      throw new IllegalArgumentException(
          "spr.norm: frobenius of two rows is l1; use l1, or spr.between tasks");
    }
  }

  /** Preset {@code thanora}: cosine, 0.1. */
  public static SprConfig thanora() {
    return new SprConfig(0.1, Norm.COSINE, Mode.SEPARATE, Pairs.SUM, false, Between.TASKS, Schedule.CONSTANT);
  }

  /** Preset {@code thanora-paper}: squared raw, 1e-3. */
  public static SprConfig thanoraPaper() {
    return new SprConfig(1e-3, Norm.SQUARED, Mode.SEPARATE, Pairs.SUM, false, Between.TASKS, Schedule.CONSTANT);
  }

  /**
   * With λ set so that the regulariser starts at a share of the loss: λ = share · L_task / L_SPR,
   * both measured at step 0; unchanged where L_SPR is 0.
   *
   * @param share of L_task; 0.05 is a good start
   */
  public SprConfig withLambdaFrom(double share, double taskLoss, double penalty) {
    return penalty > 0 ? withLambda(share * taskLoss / penalty) : this;
  }

  /** With another weight. */
  public SprConfig withLambda(double other) {
    return new SprConfig(other, norm, mode, pairs, includeCoop, between, schedule);
  }

  /** With another norm. */
  public SprConfig withNorm(Norm other) {
    return new SprConfig(lambda, other, mode, pairs, includeCoop, between, schedule);
  }

  /** With another mode. */
  public SprConfig withMode(Mode other) {
    return new SprConfig(lambda, norm, other, pairs, includeCoop, between, schedule);
  }

  /** With another reduction over pairs. */
  public SprConfig withPairs(Pairs other) {
    return new SprConfig(lambda, norm, mode, other, includeCoop, between, schedule);
  }

  /** With or without the cooperative block. */
  public SprConfig withIncludeCoop(boolean other) {
    return new SprConfig(lambda, norm, mode, pairs, other, between, schedule);
  }

  /** With other things kept apart. */
  public SprConfig withBetween(Between other) {
    return new SprConfig(lambda, norm, mode, pairs, includeCoop, other, schedule);
  }

  /** With another course of λ. */
  public SprConfig withSchedule(Schedule other) {
    return new SprConfig(lambda, norm, mode, pairs, includeCoop, between, other);
  }

  /**
   * With the λ of an update.
   *
   * @param step number of the update, from 1
   * @param steps updates of the whole run
   */
  public SprConfig at(long step, long steps) {
    return switch (schedule) {
      case CONSTANT -> this;
      case COSINE -> withLambda(lambda * 0.5 * (1 + Math.cos(Math.PI * step / steps)));
    };
  }
}
