package thanora.text.jinja;

import java.util.AbstractList;

/** Python's {@code range}; at most 100,000 numbers, the limit of Jinja's sandbox. */
final class Range extends AbstractList<Object> {
  private static final int MAX_SIZE = 100_000;
  private final long start;
  private final long stop;
  private final long step;
  private final int size;

  Range(long start, long stop, long step) {
    if (step == 0) {
      throw new TemplateException("range() step must not be 0");
    }
    double count = Math.ceil(((double) stop - start) / step);
    if (count > MAX_SIZE) {
      throw new TemplateException(
          "range of " + (long) count + " numbers is larger than " + MAX_SIZE);
    }
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.size = (int) Math.max(0, count);
  }

  @Override
  public Object get(int index) {
    return start + index * step;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public String toString() {
    return "range(" + start + ", " + stop + (step == 1 ? "" : ", " + step) + ")";
  }
}
