package thanora.compare;

import java.util.List;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.Task;
import thanora.page.Figures;
import thanora.page.HeatMaps;
import thanora.page.Html;
import thanora.page.Page;

/** What tasks pay for sharing an adapter, as colours: NLL minus that of one LoRA a task. */
final class Interference {
  private final ComparisonResult result;
  private final Html html;

  Interference(ComparisonResult result, Html html) {
    this.result = result;
    this.html = html;
  }

  /** Methods by tasks. */
  void draw(Findings findings) {
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
    HeatMaps maps = new HeatMaps(html);
    Page.scroll(html, "Interference by method and task");
    html.open("table", "class", "heat");
    head();
    html.open("tbody");
    for (Method method : methods) {
      MethodFindings found = findings.method(method.name());
      html.open("tr").element("th", method.name(), "scope", "row");
      found.excess().forEach(e -> maps.cell(e, e / full, Html.minus(Figures.signed(e)), "diverged"));
      html.element(
          "td", found.worst(result.tasks()).map(MethodFindings.Worst::task).orElse(Figures.NONE),
          "class", "left");
      html.close();
    }
    html.close().close().close();
    maps.legend("better than its own LoRA " + Html.minus(Figures.signed(-full)),
        Figures.signed(full) + " worse than its own LoRA", "ramp");
  }

  private void head() {
    html.open("thead").open("tr").element("th", "method", "scope", "col");
    for (Task task : result.tasks()) {
      html.element("th", task.name(), "scope", "col");
    }
    html.element("th", "worst task", "scope", "col", "class", "left");
    html.close().close();
  }
}
