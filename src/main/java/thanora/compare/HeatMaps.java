package thanora.compare;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import thanora.compare.ComparisonResult.Conflicts;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.Task;

/** Interference and gradient conflicts as colours, orange for bad and blue for good. */
final class HeatMaps {
  private static final int MOST_COLUMNS = 60;
  private static final double FULL = 0.85;

  private final ComparisonResult result;
  private final Html html;

  HeatMaps(ComparisonResult result, Html html) {
    this.result = result;
    this.html = html;
  }

  /** NLL minus that of one LoRA a task, by method and task. */
  void interference(Findings findings) {
    String perTask = findings.perTask().orElseThrow();
    List<Method> methods =
        Rows.ordered(result, findings).stream()
            .filter(m -> !m.isBase() && !m.name().equals(perTask))
            .toList();
    double[] sizes =
        methods.stream()
            .flatMap(m -> findings.method(m.name()).excess().stream())
            .mapToDouble(Math::abs)
            .filter(Double::isFinite)
            .sorted()
            .toArray();
    // The ninth decile has the full colour: one method far off must not bleach the others.
    double full = sizes.length == 0 ? 1 : Math.max(1e-6, sizes[(int) (0.9 * (sizes.length - 1))]);
    html.open("div", "class", "scroll", "tabindex", "0", "role", "region", "aria-label",
        "Interference by method and task");
    html.open("table", "class", "heat");
    head("method", true);
    html.open("tbody");
    for (Method method : methods) {
      MethodFindings found = findings.method(method.name());
      html.open("tr").element("th", method.name(), "scope", "row");
      found.excess().forEach(e -> cell(e, e / full, Html.minus(Figures.signed(e)), false));
      html.element(
          "td", found.worst(result.tasks()).map(MethodFindings.Worst::task).orElse(Figures.NONE),
          "class", "left");
      html.close();
    }
    html.close().close().close();
    legend(Figures.signed(-full), Figures.signed(full), "better than its own LoRA",
        "worse than its own LoRA", false);
  }

  /** Cosines between the gradients of two tasks. */
  void pairs(Conflicts conflicts) {
    double full = 1e-6;
    for (int a = 0; a < conflicts.byPair().length; a++) {
      for (int b = 0; b < conflicts.byPair().length; b++) {
        double size = Math.abs(conflicts.byPair()[a][b]);
        full = a != b && size > full ? size : full;
      }
    }
    html.open("div", "class", "scroll", "tabindex", "0", "role", "region", "aria-label",
        "Cosine between the gradients of two tasks");
    html.open("table", "class", "heat");
    head("task", false);
    html.open("tbody");
    for (int a = 0; a < conflicts.byPair().length; a++) {
      html.open("tr").element("th", result.tasks().get(a).name(), "scope", "row");
      for (int b = 0; b < conflicts.byPair().length; b++) {
        double cosine = conflicts.byPair()[a][b];
        if (a == b) {
          html.element("td", "", "class", "same-task");
        } else {
          cell(cosine, -cosine / full, twoDecimals(cosine), true);
        }
      }
      html.close();
    }
    html.close().close().close();
  }

  private static String twoDecimals(double x) {
    return Double.isNaN(x)
        ? Figures.NONE
        : Html.minus(String.format(Locale.ROOT, "%+.2f", x).replaceAll("^[+-](0\\.00)$", "$1"));
  }

  private void head(String corner, boolean worst) {
    html.open("thead").open("tr").element("th", corner, "scope", "col");
    for (Task task : result.tasks()) {
      html.element("th", task.name(), "scope", "col");
    }
    if (worst) {
      html.element("th", "worst task", "scope", "col", "class", "left");
    }
    html.close().close();
  }

  private void cell(double value, double badness, String text, boolean isCosine) {
    if (Double.isNaN(value)) {
      html.element("td", isCosine ? Figures.NONE : "diverged");
      return;
    }
    html.element("td", text, "class", badness > 0 ? "bad" : "good", "style",
        String.format(Locale.ROOT, "--a:%.2f", strength(badness)));
  }

  private static double strength(double share) {
    return FULL * Math.min(1, Math.abs(share));
  }

  /** Cosines by layer over training; the first layer is at the bottom. */
  void layers(Conflicts conflicts) {
    double[][] columns = atMost(MOST_COLUMNS, conflicts.byLayer());
    int layers = columns[0].length;
    int cell = Math.max(3, Math.min(18, 270 / layers));
    double full =
        Arrays.stream(columns).flatMapToDouble(Arrays::stream).map(Math::abs)
            .filter(Double::isFinite).reduce(1e-6, Math::max);
    html.open("div", "class", "frame tall");
    Svg svg =
        new Svg(html).open(
            layers * cell,
            String.format(
                Locale.ROOT,
                "Mean cosine between task gradients by layer and step; over all layers %s at the"
                    + " first sample and %s at the last",
                twoDecimals(mean(columns[0])),
                twoDecimals(mean(columns[columns.length - 1]))));
    double width = 100.0 / columns.length;
    for (int c = 0; c < columns.length; c++) {
      for (int l = 0; l < layers; l++) {
        double cosine = columns[c][l];
        if (Double.isFinite(cosine)) {
          svg.rectangle(
              c * width, (layers - 1 - l) * cell, width, cell, cosine < 0 ? "bad" : "good",
              strength(cosine / full));
        }
      }
    }
    int every = Math.max(1, (int) Math.ceil(layers / 6.0));
    for (int l = 0; l < layers; l += every) {
      svg.text(0, (layers - 0.5 - l) * cell + 4, -8, "end", "tick", "" + l);
    }
    List<Long> steps = conflicts.steps();
    int bottom = layers * cell + 17;
    svg.text(0, bottom, 0, "start", "tick", "step " + steps.get(0));
    svg.text(100, bottom, 0, "end", "tick", "" + steps.get(steps.size() - 1));
    svg.close();
    html.close();
    legend(twoDecimals(-full), twoDecimals(full), "tasks pull apart", "tasks pull together", true);
  }

  /** Neighbouring samples averaged until they are few enough to see. */
  private static double[][] atMost(int most, double[][] samples) {
    int group = (samples.length + most - 1) / most;
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

  private void legend(String low, String high, String left, String right, boolean lowIsBad) {
    html.open("p", "class", "ramp-legend");
    html.element("span", left + " " + Html.minus(low));
    html.element("span", "", "class", lowIsBad ? "ramp bad-first" : "ramp", "aria-hidden", "true");
    html.element("span", Html.minus(high) + " " + right).close();
  }
}
