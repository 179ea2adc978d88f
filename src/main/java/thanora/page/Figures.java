package thanora.page;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.Locale;

/** Numbers and lists as readers see them, the same in every locale. */
public final class Figures {
  /** Stands for what was not measured. */
  public static final String NONE = "n/a";

  private Figures() {}

  /** Three decimals. */
  public static String number(double x) {
    return Double.isNaN(x) ? NONE : String.format(Locale.ROOT, "%.3f", x + 0.0);
  }

  /** Two decimals. */
  public static String twoDecimals(double x) {
    return Double.isNaN(x) ? NONE : Html.minus(String.format(Locale.ROOT, "%.2f", x + 0.0));
  }

  /** Three digits at most, as 0.125, 16 or 2e-4. */
  public static String brief(double x) {
    if (!Double.isFinite(x)) {
      return NONE;
    }
    double size = Math.abs(x);
    if (size > 0 && size < 1e-3) {
      return (x < 0 ? "\u2212" : "") + rate(size);
    }
    BigDecimal rounded = BigDecimal.valueOf(x).round(new MathContext(3));
    return x == 0 ? "0" : Html.minus(rounded.stripTrailingZeros().toPlainString());
  }

  /** Three decimals with a sign, which what rounds to zero has not. */
  public static String signed(double x) {
    if (Double.isNaN(x)) {
      return NONE;
    }
    String text = String.format(Locale.ROOT, "%+.3f", x);
    return text.substring(1).equals("0.000") ? "0.000" : text;
  }

  /** Value and interval; "diverged" without them. */
  public static String withInterval(Estimate e) {
    return e.isKnown()
        ? String.format("%s [%s, %s]", number(e.value()), number(e.low()), number(e.high()))
        : "diverged";
  }

  /** Signed interval alone. */
  public static String signedInterval(Estimate e) {
    return String.format("[%s, %s]", signed(e.low()), signed(e.high()));
  }

  /** A p to three decimals, never 0. */
  public static String p(double p) {
    return p < 0.001 ? "< 0.001" : number(p);
  }

  /** A learning rate, as 2e-4 or 1.5e-3. */
  public static String rate(double rate) {
    if (!(rate > 0)) {
      return NONE;
    }
    String text = String.format(Locale.ROOT, "%.2e", rate);
    int e = text.indexOf('e');
    String mantissa = text.substring(0, e).replaceAll("\\.?0+$", "");
    return mantissa + "e" + Integer.parseInt(text.substring(e + 1));
  }

  /** A factor, as 1.06x. */
  public static String factor(double x) {
    return Double.isNaN(x) ? NONE : String.format(Locale.ROOT, "%.2fx", x);
  }

  /** A number as it was chosen, as 1 or 0.3. */
  public static String plain(double x) {
    return Double.isNaN(x) ? NONE : Double.toString(x).replaceAll("\\.0$", "");
  }

  /** A count in full, as 4,884,480. */
  public static String count(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }

  /** A count in short, as 4.88M. */
  public static String shortCount(long n) {
    double[] sizes = {1e9, 1e6, 1e3};
    String[] names = {"B", "M", "k"};
    for (int i = 0; i < sizes.length; i++) {
      if (n >= sizes[i]) {
        return String.format(Locale.ROOT, "%.2f%s", n / sizes[i], names[i]);
      }
    }
    return Long.toString(n);
  }

  /** A count and its noun, as "1 seed" or "3 seeds". */
  public static String counted(long n, String noun) {
    return n + " " + noun + (n == 1 ? "" : "s");
  }

  /** As "a", "a and b" or "a, b and c". */
  public static String list(List<String> items) {
    int last = items.size() - 1;
    return last <= 0
        ? String.join("", items)
        : String.join(", ", items.subList(0, last)) + " and " + items.get(last);
  }
}
