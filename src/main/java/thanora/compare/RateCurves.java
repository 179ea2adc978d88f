package thanora.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.RatePoint;
import thanora.page.Figures;
import thanora.page.Html;
import thanora.page.Scale;
import thanora.page.Svg;

/** Validation NLL over the learning rate: a panel a method, the others behind it in grey. */
final class RateCurves {
  private static final int HEIGHT = 150;

  private final Html html;
  private final List<Method> swept;
  private final Scale x;
  private final Scale y;
  private final List<Double> ticks;

  private RateCurves(List<Method> swept, Html html) {
    this.html = html;
    this.swept = swept;
    double[] rates = swept.stream().flatMapToDouble(m -> Arrays.stream(m.rates())).toArray();
    x = Scale.log(Arrays.stream(rates).min().orElse(1), Arrays.stream(rates).max().orElse(1));
    y = losses(swept);
    ticks = y.ticks(4);
  }

  /** Draws all methods that swept more than one rate; whether there was any. */
  static boolean draw(ComparisonResult result, Findings findings, Html html) {
    List<Method> swept =
        Rows.ordered(result, findings).stream().filter(m -> m.rates().length > 1).toList();
    if (swept.isEmpty()) {
      return false;
    }
    RateCurves curves = new RateCurves(swept, html);
    html.open("div", "class", "panels");
    swept.forEach(curves::panel);
    html.close();
    return true;
  }

  /**
   * From the best loss to what most losses reach, but at most as far above the best rates' losses
   * as these are apart, or by two fifths: where methods differ is what the axis is for.
   */
  private static Scale losses(List<Method> swept) {
    double[] best =
        swept.stream()
            .mapToDouble(m -> Arrays.stream(m.rates()).map(r -> mean(m, r))
                .filter(Double::isFinite).min().orElse(Double.NaN))
            .toArray();
    double[] all =
        swept.stream().flatMap(m -> m.sweep().stream()).mapToDouble(RatePoint::mean)
            .filter(Double::isFinite).toArray();
    Scale bests = Scale.robust(best);
    double low = Arrays.stream(all).min().orElse(0);
    double high = Arrays.stream(all).max().orElse(1);
    double room = Math.max(bests.high() - bests.low(), 0.4 * Math.abs(low));
    high = Math.min(high, Scale.robust(all, bests.high()).high());
    return Scale.linear(low, Math.min(high, bests.high() + room));
  }

  /** Over the seeds of a rate; NaN where one diverged. */
  static double mean(Method method, double rate) {
    return method.sweep().stream()
        .filter(p -> p.learningRate() == rate)
        .mapToDouble(RatePoint::mean)
        .average()
        .orElse(Double.NaN);
  }

  private void panel(Method method) {
    html.open("figure", "class", "panel");
    html.open("figcaption").element("b", method.name());
    html.element("span", "best at " + Figures.rate(method.learningRate())
        + (method.isAtEdgeOfSweep() ? ", the edge of the sweep" : ""));
    html.close();
    html.open("div", "class", "frame");
    Svg svg = new Svg(html).open(HEIGHT, label(method));
    axes(svg);
    for (Method other : swept) {
      if (other != method) {
        curve(svg, other, "ghost");
      }
    }
    curve(svg, method, "curve");
    points(svg, method);
    svg.close();
    html.close();
    String beyond = beyond(method);
    if (!beyond.isEmpty()) {
      html.element("p", beyond, "class", "beyond-note");
    }
    html.close();
  }

  /** In words what the axis does not hold. */
  private String beyond(Method method) {
    List<String> above = new ArrayList<>();
    List<String> diverged = new ArrayList<>();
    for (double rate : method.rates()) {
      double mean = mean(method, rate);
      if (Double.isNaN(mean)) {
        diverged.add(Figures.rate(rate));
      } else if (!y.holds(mean)) {
        above.add(String.format(Locale.ROOT, "%.2f at %s", mean, Figures.rate(rate)));
      }
    }
    List<String> parts = new ArrayList<>();
    if (!above.isEmpty()) {
      parts.add("\u25b2 " + Figures.list(above));
    }
    if (!diverged.isEmpty()) {
      parts.add("\u00d7 diverged at " + Figures.list(diverged));
    }
    return String.join("; ", parts);
  }

  private String label(Method method) {
    List<String> parts = new ArrayList<>();
    for (double rate : method.rates()) {
      double mean = mean(method, rate);
      parts.add(
          Figures.rate(rate) + ": " + (Double.isNaN(mean) ? "diverged" : Figures.number(mean)));
    }
    return "Validation NLL of " + method.name() + " by learning rate, " + Figures.list(parts)
        + "; chosen " + Figures.rate(method.learningRate());
  }

  private void axes(Svg svg) {
    for (double tick : ticks) {
      svg.line(0, top(tick), 100, top(tick), "grid");
      svg.text(0, top(tick) + 4, -8, "end", "tick", Scale.label(tick, ticks));
    }
    double[] rates =
        swept.stream().flatMapToDouble(m -> Arrays.stream(m.rates())).distinct().sorted().toArray();
    int every = (rates.length + 2) / 3;
    for (int i = 0; i < rates.length; i++) {
      double at = x.percent(rates[i]);
      svg.line(at, HEIGHT, at, HEIGHT + 4, "axis");
      if (i % every == 0) {
        svg.text(at, HEIGHT + 17, 0, "middle", "tick", Figures.rate(rates[i]));
      }
    }
    svg.line(0, HEIGHT, 100, HEIGHT, "axis");
  }

  private double top(double loss) {
    return HEIGHT * (1 - y.percent(loss) / 100);
  }

  private void curve(Svg svg, Method method, String style) {
    double[] rates = method.rates();
    for (int i = 1; i < rates.length; i++) {
      double a = mean(method, rates[i - 1]);
      double b = mean(method, rates[i]);
      if (Double.isFinite(a) && Double.isFinite(b) && (y.holds(a) || y.holds(b))) {
        segment(svg, x.percent(rates[i - 1]), a, x.percent(rates[i]), b, style);
      }
    }
  }

  /** A line that ends where it leaves the axis, instead of bending there. */
  private void segment(Svg svg, double xa, double a, double xb, double b, String style) {
    double shareA = a > y.high() ? (y.high() - b) / (a - b) : 1;
    double shareB = b > y.high() ? (y.high() - a) / (b - a) : 1;
    svg.line(
        xb + shareA * (xa - xb), top(a), xa + shareB * (xb - xa), top(b), style);
  }

  private void points(Svg svg, Method method) {
    for (RatePoint point : method.sweep()) {
      if (y.holds(point.mean())) {
        svg.dot(x.percent(point.learningRate()), top(point.mean()), 1.8, "seed");
      }
    }
    for (double rate : method.rates()) {
      double mean = mean(method, rate);
      double at = x.percent(rate);
      if (y.holds(mean)) {
        svg.dot(at, top(mean), 3.2, "point");
        if (rate == method.learningRate()) {
          svg.mark(at, top(mean), Svg.Mark.CHOSEN);
        }
      } else {
        svg.mark(at, 6, Double.isNaN(mean) ? Svg.Mark.DIVERGED : Svg.Mark.BEYOND_TOP);
      }
    }
  }
}
