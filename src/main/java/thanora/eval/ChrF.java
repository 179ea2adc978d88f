package thanora.eval;

import java.util.HashMap;
import java.util.Map;

/**
 * chrF2 of one sentence, in [0, 1]: with P and R the precision and recall of character n-grams,
 * each averaged over n = 1 … 6, F = (1 + β²)·P·R / (β²·P + R), β = 2.
 *
 * <p>Characters are Unicode code points without white space; n for which one of the two has no
 * n-gram are left out of both means. This is the sentence score of sacreBLEU's default chrF, over
 * 100. Source: Popović, chrF: character n-gram F-score for automatic MT evaluation, WMT 2015.
 */
final class ChrF {
  private static final int ORDER = 6;
  private static final double BETA_SQUARED = 4;

  private ChrF() {}

  static double score(String answer, String reference) {
    int[] given = characters(answer);
    int[] wanted = characters(reference);
    int orders = Math.min(ORDER, Math.min(given.length, wanted.length));
    double precision = 0;
    double recall = 0;
    for (int n = 1; n <= orders; n++) {
      double matches = matches(given, wanted, n);
      precision += matches / (given.length - n + 1);
      recall += matches / (wanted.length - n + 1);
    }
    if (precision + recall == 0) {
      return 0;
    }
    precision /= orders;
    recall /= orders;
    return (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall);
  }

  private static int[] characters(String text) {
    return text.codePoints().filter(c -> !isSpace(c)).toArray();
  }

  /** Java's two notions of white space together, and NEXT LINE, are Unicode's and Python's. */
  private static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  /** How many n-grams the two have in common, each as often as in the one that has fewer. */
  private static int matches(int[] given, int[] wanted, int n) {
    Map<String, Integer> left = new HashMap<>();
    for (int i = 0; i + n <= wanted.length; i++) {
      left.merge(new String(wanted, i, n), 1, Integer::sum);
    }
    int matches = 0;
    for (int i = 0; i + n <= given.length; i++) {
      String gram = new String(given, i, n);
      Integer remaining = left.computeIfPresent(gram, (same, count) -> count - 1);
      if (remaining != null && remaining >= 0) {
        matches++;
      }
    }
    return matches;
  }
}
