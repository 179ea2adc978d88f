package thanora.eval;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.data.Split;
import thanora.model.Decoder;
import thanora.model.HeadLoss;
import thanora.model.TextGenerator;
import thanora.model.TokenBatch;
import thanora.tensor.NoGrad;
import thanora.tensor.TensorScope;

/** Scores a task's rows: the likelihood of the completions, and answers generated greedily. */
public final class Evaluator {
  /** Tokens a forward pass. */
  private static final int BATCH_TOKENS = 2048;

  private final Decoder model;
  private final TextGenerator generator;
  private final Function<int[], String> decode;
  private final int batchRows;

  /**
   * An evaluator of the model as it is when asked, adapter included.
   *
   * @param decode token ids to text, without special tokens
   * @param batchRows answers generated at once
   */
  public Evaluator(Decoder model, TextGenerator generator, Function<int[], String> decode, int batchRows) {
    this.model = model;
    this.generator = generator;
    this.decode = decode;
    this.batchRows = batchRows;
  }

  /** Mean −log p a trained token over the rows, in nats; NaN for no rows. */
  public double nll(List<Sample> rows, int tasks) {
    double sum = 0;
    long count = 0;
    try (NoGrad off = NoGrad.open()) {
      for (List<Sample> part : rows.isEmpty() ? List.<List<Sample>>of() : Batch.split(byLength(rows), BATCH_TOKENS)) {
        try (TensorScope scope = TensorScope.open()) {
          Batch batch = Batch.of(part, tasks);
          TokenBatch tokens = TokenBatch.of(
              batch.ids(), batch.rowStarts(), batch.rowTasks(), model.placement().device());
          for (float nll : HeadLoss.of(model, model.hidden(tokens), batch.labelled(), batch.targets()).nll()) {
            sum += nll;
            count++;
          }
        }
      }
    }
    return sum / count;
  }

  /**
   * The model's answers to the prompts of the rows, in their order.
   *
   * @param maxNewTokens tokens of an answer at most
   * @param done receives the number of rows answered so far
   */
  public List<String> answers(List<Sample> rows, int maxNewTokens, IntConsumer done) {
    String[] answers = new String[rows.size()];
    List<Integer> order = new ArrayList<>(IntStream.range(0, rows.size()).boxed().toList());
    order.sort(Comparator.comparingInt(i -> rows.get(i).promptLength()));
    for (int start = 0; start < order.size(); start += batchRows) {
      List<Integer> part = order.subList(start, Math.min(order.size(), start + batchRows));
      List<int[]> prompts = part.stream().map(i -> rows.get(i).prompt()).toList();
      int[] tasks = part.stream().mapToInt(i -> rows.get(i).task()).toArray();
      List<int[]> tokens = generator.generate(prompts, tasks, maxNewTokens);
      for (int i = 0; i < part.size(); i++) {
        answers[part.get(i)] = decode.apply(tokens.get(i)).strip();
      }
      done.accept(start + part.size());
    }
    return List.of(answers);
  }

  /**
   * Likelihood and metric of a task's rows.
   *
   * @param generate whether answers are generated; the score is NaN where not
   */
  public TaskScore score(
      Split rows, Metric metric, int tasks, boolean generate, int maxNewTokens, IntConsumer done) {
    double nll = nll(rows.samples(), tasks);
    double score = Double.NaN;
    if (generate) {
      List<String> answers = answers(rows.samples(), maxNewTokens, done);
      score = IntStream.range(0, answers.size())
          .mapToDouble(i -> metric.score(answers.get(i), rows.rows().get(i).completion()))
          .average().orElse(Double.NaN);
    }
    return new TaskScore(metric, score, nll, rows.size(), rows.labels());
  }

  /** Rows of like length together, so that little is padded in attention. */
  private static List<Sample> byLength(List<Sample> rows) {
    return rows.stream().sorted(Comparator.comparingInt((Sample row) -> row.ids().length)).toList();
  }
}
