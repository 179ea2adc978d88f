package thanora.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import thanora.eval.AnswersFile.Judged;
import thanora.eval.AnswersFile.Line;
import thanora.page.Figures;
import thanora.page.Html;
import thanora.page.Page;

/** A few test rows of every task with what the model answered before and after. */
final class AnswerSection {
  private static final int MOST_OF_A_KIND = 2;
  private static final int MOST_CHARACTERS = 500;

  private final RunFiles run;
  private final Page page;
  private final Html html;
  private final Thumbnails pictures;

  AnswerSection(RunFiles run, Page page) {
    this.run = run;
    this.page = page;
    this.html = page.html();
    this.pictures = new Thumbnails(html);
  }

  void draw() {
    Map<String, List<Line>> tasks = new LinkedHashMap<>();
    run.answers().stream().filter(line -> answered(line.before()) || answered(line.after()))
        .forEach(line -> tasks.computeIfAbsent(line.task(), name -> new ArrayList<>()).add(line));
    if (tasks.isEmpty()) {
      return;
    }
    page.section("answers", "Answers", "A few test rows of each task: where training helped most, where it"
        + " harmed, and where answers are still poor. All rows are in answers.jsonl.");
    tasks.forEach(this::task);
    html.close();
  }

  private static boolean answered(Judged judged) {
    return judged != null && judged.answer() != null;
  }

  private void task(String name, List<Line> lines) {
    html.element("h3", name);
    html.element("p", counts(lines), "class", "about");
    html.open("table", "class", "answers").open("thead").open("tr");
    List.of("prompt", "expected", "before", "after").forEach(head -> html.element("th", head, "scope", "col"));
    html.close().close().open("tbody");
    for (Line line : chosen(lines)) {
      html.open("tr");
      html.open("td", "data-head", "prompt");
      pictures.draw(line.images());
      html.text(clipped(line.prompt())).close();
      html.element("td", clipped(line.expected()), "data-head", "expected");
      answer(line.before(), "before");
      answer(line.after(), "after");
      html.close();
    }
    html.close().close();
  }

  private static String counts(List<Line> lines) {
    return Figures.counted(lines.size(), "row") + ": " + rights(lines, Line::before) + " fully right before, "
        + (lines.stream().anyMatch(line -> answered(line.after())) ? rights(lines, Line::after) + " after." : "after: not yet known.");
  }

  private static long rights(List<Line> lines, Function<Line, Judged> when) {
    return lines.stream().map(when).filter(judged -> score(judged) >= 1).count();
  }

  private static double score(Judged judged) {
    return judged == null || judged.score() == null ? Double.NaN : judged.score();
  }

  private static double gain(Line line) {
    return score(line.after()) - score(line.before());
  }

  /** Two of each kind, in the order of the file. */
  private static List<Line> chosen(List<Line> lines) {
    List<Line> chosen = new ArrayList<>();
    take(lines, chosen, line -> gain(line) > 0, Comparator.comparingDouble(AnswerSection::gain).reversed());
    take(lines, chosen, line -> gain(line) < 0, Comparator.comparingDouble(AnswerSection::gain));
    take(lines, chosen, line -> !(score(line.after()) >= 1), Comparator.comparingDouble(line -> score(line.after())));
    if (chosen.isEmpty()) {
      take(lines, chosen, line -> true, Comparator.comparingInt(Line::row));
    }
    chosen.sort(Comparator.comparingInt(Line::row));
    return chosen;
  }

  private static void take(List<Line> lines, List<Line> chosen, Predicate<Line> wanted, Comparator<Line> order) {
    lines.stream().filter(wanted).filter(line -> !chosen.contains(line)).sorted(order)
        .limit(MOST_OF_A_KIND).forEach(chosen::add);
  }

  private void answer(Judged judged, String head) {
    html.open("td", "data-head", head);
    if (!answered(judged)) {
      html.text(Figures.NONE).close();
      return;
    }
    double score = score(judged);
    html.text(clipped(judged.answer()) + " ");
    html.element("small", score >= 1 ? "\u2713 right" : score > 0 ? "score " + Figures.twoDecimals(score) : "\u2717 wrong",
        "class", score >= 1 ? "right" : "wrong");
    html.close();
  }

  /** Long texts without their middle. */
  private static String clipped(String text) {
    int half = MOST_CHARACTERS / 2;
    return text.length() <= MOST_CHARACTERS ? text
        : text.substring(0, half) + " \u2026 " + text.substring(text.length() - half);
  }
}
