package thanora.page;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;

/** Numbers as colours, orange for bad and blue for good; where there is room the number stands in its cell. */
public final class HeatMaps {
  private static final int MOST_COLUMNS = 60;
  private static final double FULL = 0.85;
  /** The least number that has the full orange: small ones are not to look large beside each other. */
  private static final double WARM_FULL = 0.2;

  private final Html html;

  public HeatMaps(Html html) {
    this.html = html;
  }

  /** What the colours say. */
  public enum Colours {
    /** Orange below 0, blue above. */
    SIGNED,
    /** From 0 to ever more orange. */
    WARM
  }

  /** A number of every pair of {@code names}; the diagonal is left out. */
  public void pairs(String label, List<String> names, double[][] values, Colours colours) {
    double full = colours == Colours.WARM ? WARM_FULL : 1e-6;
    for (int a = 0; a < values.length; a++) {
      for (int b = 0; b < values.length; b++) {
        double size = Math.abs(values[a][b]);
        full = a != b && size > full ? size : full;
      }
    }
    begin(label, "task", names, "heat");
    for (int a = 0; a < values.length; a++) {
      html.open("tr").element("th", names.get(a), "scope", "row");
      for (int b = 0; b < values.length; b++) {
        if (a == b) {
          html.element("td", "", "class", "same-task");
        } else {
          double badness = colours == Colours.WARM ? values[a][b] : -values[a][b];
          cell(values[a][b], badness / full, text(values[a][b], colours), Figures.NONE);
        }
      }
      html.close();
    }
    html.close().close().close();
  }

  /**
   * Rows by columns, from pale for the smallest number to blue for the largest.
   *
   * @param values [row][column]; NaN is left empty
   */
  public void grid(
      String label, String corner, List<String> columns, List<String> rows, double[][] values,
      DoubleFunction<String> text) {
    double[] known = Arrays.stream(values).flatMapToDouble(Arrays::stream).filter(Double::isFinite).toArray();
    double low = Arrays.stream(known).min().orElse(0);
    double range = Math.max(1e-9, Arrays.stream(known).max().orElse(1) - low);
    begin(label, corner, columns, "heat compact");
    for (int row = 0; row < values.length; row++) {
      html.open("tr").element("th", rows.get(row), "scope", "row");
      for (double value : values[row]) {
        cell(value, -Math.max(1e-9, (value - low) / range), text.apply(value), "");
      }
      html.close();
    }
    html.close().close().close();
  }

  private void begin(String label, String corner, List<String> columns, String style) {
    Page.scroll(html, label);
    html.open("table", "class", style).open("thead").open("tr").element("th", corner, "scope", "col");
    columns.forEach(column -> html.element("th", column, "scope", "col"));
    html.close().close().open("tbody");
  }

  /**
   * A cell of a table.
   *
   * @param badness from -1, blue, to 1, orange
   * @param unknown stands where the value is NaN
   */
  public void cell(double value, double badness, String text, String unknown) {
    if (Double.isNaN(value)) {
      html.element("td", unknown);
      return;
    }
    html.element("td", text, "class", badness > 0 ? "bad" : "good", "style",
        String.format(Locale.ROOT, "--a:%.2f", strength(badness)));
  }

  private static double strength(double share) {
    return FULL * Math.min(1, Math.abs(share));
  }

  private static String text(double value, Colours colours) {
    return colours == Colours.SIGNED ? signed(value) : Figures.twoDecimals(value);
  }

  private static String signed(double x) {
    return Double.isNaN(x)
        ? Figures.NONE
        : Html.minus(String.format(Locale.ROOT, "%+.2f", x).replaceAll("^[+-](0\\.00)$", "$1"));
  }

  /**
   * A number of each layer over training; the first layer is at the bottom.
   *
   * @param what the numbers are, for those who do not see the drawing
   * @param values [sample][layer]
   * @param low what the smallest number means
   * @param high what the largest number means
   */
  public void layers(
      String what, List<Long> steps, double[][] values, Colours colours, String low, String high) {
    int group = (values.length + MOST_COLUMNS - 1) / MOST_COLUMNS;
    double[][] columns = grouped(group, values);
    int layers = columns[0].length;
    int cell = Math.max(3, Math.min(18, 270 / layers));
    double full =
        Arrays.stream(columns).flatMapToDouble(Arrays::stream).map(Math::abs)
            .filter(Double::isFinite).reduce(1e-6, Math::max);
    html.open("div", "class", "frame tall");
    Svg svg = new Svg(html).open(layers * cell, String.format(Locale.ROOT,
        "%s by layer and step; over all layers %s at the first sample and %s at the last", what,
        text(mean(columns[0]), colours), text(mean(columns[columns.length - 1]), colours)));
    double width = 100.0 / columns.length;
    for (int c = 0; c < columns.length; c++) {
      for (int l = 0; l < layers; l++) {
        double value = columns[c][l];
        if (Double.isFinite(value)) {
          boolean bad = colours == Colours.WARM || value < 0;
          svg.rectangle(c * width, (layers - 1 - l) * cell, width, cell, bad ? "bad" : "good",
              strength(value / full), "step " + steps.get(c * group) + ", layer " + l + ": " + text(value, colours));
        }
      }
    }
    axes(svg, layers, cell, steps);
    svg.close();
    html.close();
    boolean signed = colours == Colours.SIGNED;
    legend(low + " " + (signed ? signed(-full) : "0"), (signed ? signed(full) : Figures.twoDecimals(full)) + " " + high,
        signed ? "ramp bad-first" : "ramp warm");
  }

  private static void axes(Svg svg, int layers, int cell, List<Long> steps) {
    int every = Math.max(1, (int) Math.ceil(layers / 6.0));
    for (int l = 0; l < layers; l += every) {
      svg.text(0, (layers - 0.5 - l) * cell + 4, -8, "end", "tick", "" + l);
    }
    int bottom = layers * cell + 17;
    svg.text(0, bottom, 0, "start", "tick", "step " + steps.get(0));
    svg.text(100, bottom, 0, "end", "tick", "" + steps.get(steps.size() - 1));
  }

  /** Neighbouring samples averaged. */
  private static double[][] grouped(int group, double[][] samples) {
    double[][] columns = new double[(samples.length + group - 1) / group][samples[0].length];
    for (int c = 0; c < columns.length; c++) {
      int end = Math.min(samples.length, (c + 1) * group);
      for (int i = c * group; i < end; i++) {
        for (int l = 0; l < samples[i].length; l++) {
          columns[c][l] += samples[i][l] / (end - c * group);
        }
      }
    }
    return columns;
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElse(Double.NaN);
  }

  /** What the ends of a ramp mean. */
  public void legend(String left, String right, String style) {
    html.open("p", "class", "ramp-legend");
    html.element("span", left);
    html.element("span", "", "class", style, "aria-hidden", "true");
    html.element("span", right).close();
  }
}
