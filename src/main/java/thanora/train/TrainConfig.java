package thanora.train;

/**
 * Settings of a training run.
 *
 * @param learningRate peak
 * @param steps optimiser steps in all
 * @param warmupRatio part of the steps with rising learning rate, 0 to 1
 * @param schedule shape after the warm-up
 * @param batchRows rows an optimiser step
 * @param microBatchTokens tokens a forward pass at most, of all members; 0 for no limit
 * @param accumulation micro-batches an optimiser step at least
 * @param maxGradNorm the gradient is scaled down to this norm; 0 for no clipping
 * @param weightDecay AdamW's, decoupled
 * @param beta1 AdamW's
 * @param beta2 AdamW's
 * @param epsilon AdamW's
 * @param evalSteps steps between evaluations during the run; 0 for none
 * @param saveSteps steps between checkpoints; 0 for one at the end
 * @param keepCheckpoints checkpoints kept
 * @param patience evaluations without improvement before the run stops; 0 for no early stop
 * @param watchWorst whether the worst task's loss decides, rather than the mean over tasks
 * @param keepBest whether the adapter of the best evaluation is the result
 * @param conflictSteps steps between measurements of how the tasks' gradients agree; 0 for none
 * @param checkpointing whether a layer keeps its input only, and is run again in the backward pass
 */
public record TrainConfig(
    double learningRate,
    long steps,
    double warmupRatio,
    LrSchedule schedule,
    int batchRows,
    int microBatchTokens,
    int accumulation,
    double maxGradNorm,
    double weightDecay,
    double beta1,
    double beta2,
    double epsilon,
    long evalSteps,
    long saveSteps,
    int keepCheckpoints,
    int patience,
    boolean watchWorst,
    boolean keepBest,
    long conflictSteps,
    boolean checkpointing) {

  /** With other steps between measurements of the tasks' gradients. */
  public TrainConfig withConflictSteps(long other) {
    return new TrainConfig(learningRate, steps, warmupRatio, schedule, batchRows, microBatchTokens, accumulation,
        maxGradNorm, weightDecay, beta1, beta2, epsilon, evalSteps, saveSteps, keepCheckpoints, patience, watchWorst,
        keepBest, other, checkpointing);
  }

  /** Learning rate of an update, numbered from 1. */
  public double learningRate(long step) {
    return learningRate * schedule.factor(step, (long) Math.ceil(warmupRatio * steps), steps);
  }
}
