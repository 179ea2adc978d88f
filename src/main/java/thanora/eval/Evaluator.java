package thanora.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import thanora.data.Batch;
import thanora.data.MemberBatch;
import thanora.data.Row;
import thanora.data.Sample;
import thanora.data.Split;
import thanora.model.Decoder;
import thanora.model.DecoderMemory;
import thanora.model.HeadLoss;
import thanora.model.Prompt;
import thanora.model.TextGenerator;
import thanora.model.TokenBatch;
import thanora.tensor.NoGrad;
import thanora.tensor.TensorScope;

/**
 * Scores a task's rows: the likelihood of the completions, and answers generated greedily; for all
 * members of the adapters on the model at once.
 */
public final class Evaluator {
  /** Tokens a forward pass, of all members. */
  private static final int BATCH_TOKENS = 2048;

  /** A GPU needs more of them to be busy. */
  private static final int GPU_BATCH_TOKENS = 32768;

  private final Decoder model;
  private final TextGenerator generator;
  private final Function<int[], String> decode;
  private final int batchRows;
  private final int members;

  /**
   * An evaluator of the model as it is when asked, adapters included.
   *
   * @param decode token ids to text, without special tokens
   * @param batchRows answers generated at once, by each member
   * @param members of the adapters on the model; 1 for none
   */
  public Evaluator(
      Decoder model, TextGenerator generator, Function<int[], String> decode, int batchRows, int members) {
    this.model = model;
    this.generator = generator;
    this.decode = decode;
    this.batchRows = batchRows;
    this.members = members;
  }

  /**
   * Bytes that scoring takes beside weights and adapter, counted before anything is loaded: the cache,
   * and the pass that fills it; or a pass over rows to be scored.
   *
   * @param batchRows answers generated at once; 0 where none are
   * @param prompt tokens of the longest prompt
   * @param maxNewTokens tokens of an answer at most
   * @param tokens of all rows
   * @param length of the longest row
   */
  public static long memory(DecoderMemory model, int batchRows, long prompt, long maxNewTokens, long tokens,
      long length) {
    long most = Math.min(tokens, model.gpu() ? GPU_BATCH_TOKENS : BATCH_TOKENS);
    DecoderMemory.Rows scored = DecoderMemory.Rows.dense(Math.max(1, most / length), length);
    long generating = model.cache(batchRows, prompt + maxNewTokens)
        + model.unrecorded(DecoderMemory.Rows.dense(batchRows, prompt));
    return Math.max(generating, model.unrecorded(scored) + model.logits(most));
  }

  /**
   * Σ −log p over the trained tokens of each row, in nats: [member][row].
   *
   * @param done receives the number of rows scored so far
   */
  public double[][] rowNll(List<Sample> rows, int tasks, IntConsumer done) {
    double[][] nll = new double[members][rows.size()];
    int most = (model.placement().isCpu() ? BATCH_TOKENS : GPU_BATCH_TOKENS) / members;
    List<Integer> order = order(rows, row -> row.ids().length);
    try (NoGrad off = NoGrad.open()) {
      for (int start = 0; start < order.size(); ) {
        int end = start;
        for (int tokens = 0; end < order.size() && (end == start || tokens < most); end++) {
          tokens += rows.get(order.get(end)).ids().length;
        }
        rowNll(rows, order.subList(start, end), tasks, nll);
        start = end;
        done.accept(start);
      }
    }
    return nll;
  }

  private void rowNll(List<Sample> rows, List<Integer> part, int tasks, double[][] nll) {
    // a batch groups its rows by task, and keeps their order within one
    List<Integer> grouped = part.stream().sorted(Comparator.comparingInt(i -> rows.get(i).task())).toList();
    MemberBatch batch = MemberBatch.of(Batch.of(grouped.stream().map(rows::get).toList(), tasks), members);
    try (TensorScope scope = TensorScope.open()) {
      TokenBatch tokens = TokenBatch.of(batch, model.placement().device());
      float[] each = HeadLoss.of(model, model.last(tokens), batch.labelled(), batch.targets()).nll();
      int at = 0;
      for (int member = 0; member < members; member++) {
        for (int row : grouped) {
          for (int i = 0; i < rows.get(row).labels(); i++) {
            nll[member][row] += each[at++];
          }
        }
      }
    }
  }

  /** Mean −log p a trained token over the rows, in nats, of each member; NaN for no rows. */
  public double[] nll(List<Sample> rows, int tasks) {
    double labels = rows.stream().mapToInt(Sample::labels).sum();
    return Arrays.stream(rowNll(rows, tasks, done -> {}))
        .mapToDouble(member -> Arrays.stream(member).sum() / labels).toArray();
  }

  /**
   * Each member's answers to the prompts of the rows, which are of one task, in their order.
   *
   * @param maxNewTokens tokens of an answer at most
   * @param done receives the number of rows answered so far
   */
  public List<List<String>> answers(List<Sample> rows, int maxNewTokens, IntConsumer done) {
    List<Integer> order = order(rows, Sample::promptLength);
    List<Prompt> prompts = order.stream().map(rows::get).map(row -> new Prompt(row.prompt(), row.images())).toList();
    int task = rows.stream().mapToInt(Sample::task).findFirst().orElse(0);
    List<int[]> tokens = generator.generate(prompts, task, members, maxNewTokens, batchRows, done);
    String[][] answers = new String[members][rows.size()];
    for (int i = 0; i < tokens.size(); i++) {
      answers[i / rows.size()][order.get(i % rows.size())] = decode.apply(tokens.get(i)).strip();
    }
    return Arrays.stream(answers).map(List::of).toList();
  }

  /**
   * How good the answers to a task's rows are, in [0, 1]: [member][row].
   *
   * @param done receives the number of rows answered so far
   */
  public double[][] rowScores(Split rows, Metric metric, int maxNewTokens, IntConsumer done) {
    List<List<String>> answers = answers(rows.samples(), maxNewTokens, done);
    double[][] scores = new double[members][rows.size()];
    for (int member = 0; member < members; member++) {
      for (int row = 0; row < rows.size(); row++) {
        scores[member][row] = metric.score(answers.get(member).get(row), rows.rows().get(row).completion());
      }
    }
    return scores;
  }

  /**
   * Likelihood and answer of each of a task's rows, for the first member.
   *
   * @param generate whether answers are generated
   * @param done receives the number of rows scored so far, then that and the rows answered
   */
  public ScoredTask score(
      Split rows, Metric metric, int tasks, boolean generate, int maxNewTokens, IntConsumer done) {
    double[] nll = rowNll(rows.samples(), tasks, done)[0];
    List<String> answers =
        generate ? answers(rows.samples(), maxNewTokens, answered -> done.accept(rows.size() + answered)).get(0) : List.of();
    List<ScoredRow> scored = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      Row text = rows.rows().get(i);
      Sample sample = rows.samples().get(i);
      Optional<String> answer = generate ? Optional.of(answers.get(i)) : Optional.empty();
      double score = answer.map(a -> metric.score(a, text.completion())).orElse(Double.NaN);
      scored.add(new ScoredRow(
          sample.row(), text.prompt(), text.completion(), answer, score, nll[i], sample.labels()));
    }
    return new ScoredTask(metric, maxNewTokens, scored);
  }

  /** Rows of like length together, so that little is padded in attention. */
  private static List<Integer> order(List<Sample> rows, ToIntFunction<Sample> length) {
    return IntStream.range(0, rows.size()).boxed()
        .sorted(Comparator.comparingInt(i -> length.applyAsInt(rows.get(i)))).toList();
  }
}
