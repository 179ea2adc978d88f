package thanora.page;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** An axis: from numbers to per cent of its length. */
public record Scale(double low, double high, boolean isLog) {
  private static final double MARGIN = 0.05;
  private static final double FAR = 8;

  /** A linear axis with some room at both ends. */
  public static Scale linear(double low, double high) {
    boolean apart = high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)); // more than rounding
    double room = apart ? MARGIN * (high - low) : Math.max(1e-3, 0.05 * Math.abs(low));
    return new Scale(low - room, high + room, false);
  }

  /** A logarithmic axis with some room at both ends; numbers above 0. */
  public static Scale log(double low, double high) {
    double room = high > low ? Math.pow(high / low, MARGIN) : 1.5;
    return new Scale(low / room, high * room, true);
  }

  /**
   * A linear axis over what lies within eight median deviations of the median: a few outliers do
   * not squash the rest.
   *
   * @param values NaN is left out
   * @param always numbers that are on the axis in any case
   */
  public static Scale robust(double[] values, double... always) {
    double[] known = Arrays.stream(values).filter(Double::isFinite).sorted().toArray();
    if (known.length == 0) {
      return linear(
          Arrays.stream(always).min().orElse(0), Arrays.stream(always).max().orElse(1));
    }
    double median = known[known.length / 2];
    double[] deviations = Arrays.stream(known).map(v -> Math.abs(v - median)).sorted().toArray();
    double reach = FAR * deviations[deviations.length / 2];
    double low = median;
    double high = median;
    for (double v : known) {
      if (reach == 0 || Math.abs(v - median) <= reach) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    }
    for (double v : always) {
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
    return linear(low, high);
  }

  /** Place on the axis, 0 to 100; what is beyond an end is at the end. */
  public double percent(double v) {
    double share =
        isLog
            ? Math.log(v / low) / Math.log(high / low)
            : (v - low) / (high - low);
    return 100 * Math.max(0, Math.min(1, share));
  }

  public boolean holds(double v) {
    return v >= low && v <= high;
  }

  /** Round numbers on the axis, at most {@code most} of them on a linear one. */
  public List<Double> ticks(int most) {
    return isLog ? logTicks(most) : linearTicks(most);
  }

  /** 1, 2 and 5 of every power of ten where they are few enough, else the powers, else some of them. */
  private List<Double> logTicks(int most) {
    int first = (int) Math.floor(Math.log10(low));
    int last = (int) Math.floor(Math.log10(high));
    List<Double> ticks = new ArrayList<>();
    for (double[] factors : new double[][] {{1, 2, 5}, {1, 3}, {1}}) {
      ticks.clear();
      int every = factors.length > 1 ? 1 : 1 + (last - first) / Math.max(1, most);
      for (int power = first; power <= last; power += every) {
        for (double factor : factors) {
          double tick = factor * Math.pow(10, power);
          if (holds(tick)) {
            ticks.add(tick);
          }
        }
      }
      if (ticks.size() <= most) {
        break;
      }
    }
    return ticks;
  }

  private List<Double> linearTicks(int most) {
    double raw = (high - low) / most;
    double size = Math.pow(10, Math.floor(Math.log10(raw)));
    double step = size;
    for (double factor : new double[] {1, 2, 5, 10}) {
      step = factor * size;
      if (step >= raw) {
        break;
      }
    }
    List<Double> ticks = new ArrayList<>();
    for (double i = Math.ceil(low / step); i * step <= high; i++) {
      ticks.add(i * step);
    }
    return ticks;
  }

  /** A tick's label, with as many decimals as tell ticks apart. */
  public static String label(double tick, List<Double> ticks) {
    double step = ticks.size() > 1 ? ticks.get(1) - ticks.get(0) : 1;
    int decimals = (int) Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    double rounded = Math.abs(tick) < step / 1e6 ? 0 : tick;
    return Html.minus(String.format(Locale.ROOT, "%." + decimals + "f", rounded));
  }
}
