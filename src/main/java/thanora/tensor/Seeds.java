package thanora.tensor;

import java.util.Random;

/**
 * Random numbers by purpose: one seed of the run and a name give one stream, on any device.
 *
 * <p>{@link Random}'s algorithm is fixed by the Java specification, so a seed means the same numbers
 * on every JVM.
 */
public final class Seeds {
  private Seeds() {}

  /** The stream of {@code purpose} under the run's {@code seed}. */
  public static Random stream(long seed, String purpose) {
    long mixed = seed * 0x9E3779B97F4A7C15L + 0x632BE59BD9B4E019L;
    for (int i = 0; i < purpose.length(); i++) {
      mixed = (mixed ^ purpose.charAt(i)) * 0x100000001B3L;
    }
    mixed ^= mixed >>> 31;
    return new Random(mixed * 0xBF58476D1CE4E5B9L);
  }

  /** {@code count} draws from U(-bound, bound). */
  public static float[] uniform(Random random, int count, double bound) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
    }
    return values;
  }
}
