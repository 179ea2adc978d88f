package thanora.train;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Batch;
import thanora.dist.ProcessGroup;
import thanora.lora.Adapter;
import thanora.lora.Penalty;
import thanora.model.Decoder;
import thanora.model.HeadLoss;
import thanora.model.TokenBatch;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;

/**
 * One optimiser step: forward and backward of its micro-batches, the regulariser, clipping, AdamW.
 *
 * <p>The loss is the mean over all trained tokens of the step, in all micro-batches and processes, so
 * splitting a batch changes rounding only.
 */
public final class Trainer {
  private final Decoder model;
  private final Adapter adapter;
  private final Penalty penalty;
  private final ProcessGroup group;
  private final double maxGradNorm;
  private final AdamW optimizer;

  /** The adapter must be attached to the model. */
  public Trainer(Decoder model, Adapter adapter, Penalty penalty, TrainConfig config, ProcessGroup group) {
    this.model = model;
    this.adapter = adapter;
    this.penalty = penalty;
    this.group = group;
    this.maxGradNorm = config.maxGradNorm();
    this.optimizer = new AdamW(
        adapter.parameters(), config.beta1(), config.beta2(), config.epsilon(), config.weightDecay());
  }

  /**
   * What a step did.
   *
   * @param loss mean −log p of all trained tokens, nats
   * @param taskLoss the same of each task; NaN where the step had none of its tokens
   * @param penalty value of the regulariser, without its factor λ
   * @param gradNorm before clipping
   * @param tokens tokens of all rows, trained or not
   * @param applied false where the gradient was not finite and nothing was changed
   */
  public record StepResult(
      double loss, double[] taskLoss, double penalty, double gradNorm, long tokens, boolean applied) {}

  /**
   * Takes one step.
   *
   * @param microBatches this process's share, of the same tasks in the same numbering
   * @param step number of this update, from 1
   */
  public StepResult step(List<Batch> microBatches, long step, double learningRate) {
    try (TensorScope scope = TensorScope.open()) {
      double labels = group.sum(microBatches.stream().mapToInt(b -> b.labelled().length).sum());
      TaskLosses losses = new TaskLosses(microBatches.get(0).labelsByTask().length);
      adapter.zeroGradients();
      for (Batch batch : microBatches) {
        forwardBackward(batch, labels, losses);
      }
      adapter.collectGradients();
      group.sum(adapter.gradients());
      double regulariser = penalty.addGradient(adapter);
      double norm = Ops.norm(adapter.gradients()).item_double();
      boolean finite = Double.isFinite(norm);
      if (finite) {
        if (maxGradNorm > 0 && norm > maxGradNorm) {
          Ops.scaleInPlace(adapter.gradients(), maxGradNorm / norm);
        }
        optimizer.update(adapter.parameters(), adapter.gradients(), step, learningRate);
        adapter.refresh();
      }
      long tokens = Math.round(group.sum(microBatches.stream().mapToInt(b -> b.ids().length).sum()));
      losses.sum(group);
      return new StepResult(losses.mean(), losses.taskMeans(), regulariser, norm, tokens, finite);
    }
  }

  private void forwardBackward(Batch batch, double labels, TaskLosses losses) {
    try (TensorScope scope = TensorScope.open()) {
      TokenBatch tokens = TokenBatch.of(
          batch.ids(), batch.rowStarts(), batch.rowTasks(), model.placement().device());
      Tensor hidden = model.hidden(tokens);
      HeadLoss.Result head =
          HeadLoss.withGradient(model, hidden, batch.labelled(), batch.targets(), 1 / labels);
      losses.add(head.nll(), batch.targetTasks());
      Ops.backward(hidden, head.gradient().orElseThrow());
    }
  }

  AdamW optimizer() {
    return optimizer;
  }

  /** Sums of −log p and counts, by task. */
  private static final class TaskLosses {
    private final double[] sums;
    private final double[] counts;

    TaskLosses(int tasks) {
      sums = new double[tasks];
      counts = new double[tasks];
    }

    void add(float[] nll, int[] tasks) {
      for (int i = 0; i < nll.length; i++) {
        sums[tasks[i]] += nll[i];
        counts[tasks[i]]++;
      }
    }

    void sum(ProcessGroup group) {
      for (int task = 0; task < sums.length; task++) {
        sums[task] = group.sum(sums[task]);
        counts[task] = group.sum(counts[task]);
      }
    }

    double mean() {
      double sum = 0;
      double count = 0;
      for (int task = 0; task < sums.length; task++) {
        sum += sums[task];
        count += counts[task];
      }
      return sum / count;
    }

    double[] taskMeans() {
      double[] means = new double[sums.length];
      for (int task = 0; task < sums.length; task++) {
        means[task] = counts[task] == 0 ? Double.NaN : sums[task] / counts[task];
      }
      return means;
    }
  }
}
