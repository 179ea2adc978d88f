package thanora.data;

import java.util.Arrays;
import java.util.Random;

/** Random orders and subsets of 0 .. n − 1. */
final class Shuffle {
  private Shuffle() {}

  /** A permutation, all equally likely (Fisher and Yates). */
  static int[] permutation(int n, Random random) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  /** {@code k} of the n numbers, ascending, all subsets equally likely. */
  static int[] subset(int n, int k, Random random) {
    int[] chosen = Arrays.copyOf(permutation(n, random), k);
    Arrays.sort(chosen);
    return chosen;
  }
}
