package thanora.data;

import java.util.OptionalInt;

/**
 * Which rows are taken and how long they may be.
 *
 * @param maxLength most tokens of a row, prompt, completion and end tokens together
 * @param longRows what happens to longer rows
 * @param maxTrainRows most training rows a task, a seeded subset in file order; empty takes all
 * @param maxTestRows most test rows a task, likewise
 * @param validationRows rows a task cut from its training rows where it has no validation file
 * @param seed the run's seed; subsets of one task do not depend on the others
 * @param countsFaultyImages whether rows with images that are missing, broken or of another number than their
 *     places are left out and counted; if not, the first of them is a fault
 */
public record ReadOptions(
    int maxLength,
    LongRows longRows,
    OptionalInt maxTrainRows,
    OptionalInt maxTestRows,
    int validationRows,
    long seed,
    boolean countsFaultyImages) {
  public ReadOptions {
    if (maxLength < 2) {
      throw new DataException("max length " + maxLength + " must be at least 2 tokens");
    }
    if (maxTrainRows.orElse(1) < 1 || maxTestRows.orElse(1) < 1) {
      throw new DataException(
          "max rows " + Math.min(maxTrainRows.orElse(1), maxTestRows.orElse(1))
              + " must be at least 1; leave it out to take all rows");
    }
    if (validationRows < 0) {
      throw new DataException("validation rows " + validationRows + " must be 0 or more");
    }
  }

  /** Every faulty image is refused. */
  public ReadOptions(int maxLength, LongRows longRows, OptionalInt maxTrainRows, OptionalInt maxTestRows,
      int validationRows, long seed) {
    this(maxLength, longRows, maxTrainRows, maxTestRows, validationRows, seed, false);
  }

  /** All rows, none for validation, longer ones refused. */
  public static ReadOptions allRows(int maxLength, long seed) {
    return new ReadOptions(
        maxLength, LongRows.REFUSE, OptionalInt.empty(), OptionalInt.empty(), 0, seed);
  }
}
