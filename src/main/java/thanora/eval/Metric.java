package thanora.eval;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.ToDoubleBiFunction;

/**
 * How good one answer is against its reference, in [0, 1]; a task's score is the mean of its rows.
 *
 * <p>Metrics are pure functions of two strings; special tokens must already be gone.
 */
public enum Metric {
  /** 1 where both are equal once trimmed, with each run of white space as one space. */
  EXACT_MATCH("exact_match", (answer, reference) -> is(spaced(answer).equals(spaced(reference)))),

  /** 1 where the answer's first line, trimmed, is the reference: a label, whatever follows it. */
  ACCURACY("accuracy", (answer, reference) -> is(firstLine(answer).equals(reference.strip()))),

  /** 1 where the last number of the answer is the last number of the reference, to 1e-4. */
  ANSWER("answer", Metric::sameNumber),

  /**
   * Sentence chrF2: the F score, with recall counting twice, of the averaged precision and recall
   * of character n-grams of 1 to 6, as sacreBLEU's, over 100. A task's score is thus the mean of
   * its sentence scores, not the corpus score, which pools the n-grams of all sentences first.
   */
  CHRF("chrf", ChrF::score),

  /** 1 where the reference occurs in the answer, white space as in {@link #EXACT_MATCH}. */
  CONTAINS("contains", (answer, reference) -> is(spaced(answer).contains(spaced(reference))));

  private static final double TOLERANCE = 1e-4;

  private final String id;
  private final ToDoubleBiFunction<String, String> score;

  Metric(String id, ToDoubleBiFunction<String, String> score) {
    this.id = id;
    this.score = score;
  }

  /** The name in recipes and reports. */
  public String id() {
    return id;
  }

  /** Judges an answer, in [0, 1]. */
  public double score(String answer, String reference) {
    return score.applyAsDouble(answer, reference);
  }

  /** Why no answer can ever be right against this reference, if so; ask before training. */
  public Optional<String> objection(String reference) {
    return this == ANSWER && Numbers.last(reference).isEmpty()
        ? Optional.of("metric answer needs a number in the completion; use exact_match instead")
        : Optional.empty();
  }

  /**
   * The metric of a name.
   *
   * @throws IllegalArgumentException if there is none, with the names there are
   */
  public static Metric parse(String name) {
    return Arrays.stream(values())
        .filter(metric -> metric.id.equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown metric \"" + name + "\"; use one of " + String.join(", ", ids())));
  }

  private static List<String> ids() {
    return Arrays.stream(values()).map(Metric::id).toList();
  }

  private static double is(boolean right) {
    return right ? 1 : 0;
  }

  private static String spaced(String text) {
    return text.strip().replaceAll("\\s+", " ");
  }

  private static String firstLine(String text) {
    return text.strip().lines().findFirst().orElse("").strip();
  }

  private static double sameNumber(String answer, String reference) {
    OptionalDouble given = Numbers.last(answer);
    OptionalDouble wanted = Numbers.last(reference);
    return is(
        given.isPresent()
            && wanted.isPresent()
            && Math.abs(given.getAsDouble() - wanted.getAsDouble()) <= TOLERANCE);
  }
}
