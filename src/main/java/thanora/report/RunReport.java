package thanora.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import thanora.checkpoint.AtomicFiles;
import thanora.page.Figures;
import thanora.page.Html;
import thanora.page.Page;

/** The page {@code report.html} of a run: what it was, what came of it, and why. */
public final class RunReport {
  /** Name of the page in a run folder. */
  public static final String FILE = "report.html";

  private final RunFiles run;
  private final Page page;
  private final Html html;

  private RunReport(RunFiles run) {
    this.run = run;
    this.page = Page.open("ThanoRA run " + run.name());
    this.html = page.html();
  }

  /**
   * Writes the page of a run as far as it has come.
   *
   * @param folder of the run, with a recipe
   * @param out the file; replaced if it is there
   */
  public static void write(Path folder, Path out) {
    AtomicFiles.write(out, of(folder));
  }

  /** The page's text. */
  static String of(Path folder) {
    return new RunReport(RunFiles.read(folder)).build();
  }

  private String build() {
    header();
    new ScoreSection(run, page).draw();
    new CurveSection(run, page).draw();
    new PlanSection(run, page).draw();
    new OverlapSection(run, page).draw();
    new AnswerSection(run, page).draw();
    recipe();
    environment();
    return page.close();
  }

  private void header() {
    page.header("ThanoRA " + run.environment().path("thanora").asText(""), "Run " + run.name(), standfirst());
    html.open("dl", "class", "facts");
    page.fact("Method", run.recipe().path("method").asText());
    page.fact("Model", run.recipe().path("model").asText());
    page.fact("Seed", run.recipe().path("seed").asText());
    page.fact("Rank", run.recipe().at("/lora/r").asText());
    page.fact("Batch", Figures.counted(run.recipe().at("/train/batch_size").asLong(), "row"));
    page.fact("Learning rate", Figures.rate(run.recipe().at("/train/learning_rate").asDouble()));
    if (run.summary().has("trainable_parameters")) {
      page.fact("Trained numbers", Figures.count(run.summary().get("trainable_parameters").asLong()));
    }
    speed();
    if (run.summary().at("/merge/max_logit_difference").isNumber()) {
      page.fact("Merged logits differ by", String.format(Locale.ROOT, "%.1e of the largest",
          run.summary().at("/merge/max_logit_difference").asDouble()).replace("e-0", "e-"));
    }
    html.close().close();
  }

  private String standfirst() {
    List<JsonNode> steps = run.steps();
    long done = steps.isEmpty() ? 0 : steps.get(steps.size() - 1).get("step").asLong();
    String tasks = Figures.counted(run.tasks().size(), "task");
    if (run.isFinished()) {
      return tasks + ", " + Figures.counted(run.summary().path("steps").asLong(), "step") + ", one adapter.";
    }
    long all = run.recipe().at("/train/max_steps").asLong();
    return tasks + ", one adapter; not finished: "
        + (done == 0 ? "training has not begun." : "step " + done + (all > 0 ? " of " + all : "") + ".");
  }

  private void speed() {
    long tokens = run.steps().stream().mapToLong(row -> row.path("tokens").asLong()).sum();
    double seconds = run.steps().stream().mapToDouble(row -> row.path("seconds").asDouble()).sum();
    if (seconds > 0) {
      page.fact("Trained on", Figures.count(tokens) + " tokens");
      page.fact("Training took", String.format(Locale.ROOT, "%s s, %s tokens a second",
          Figures.count(Math.round(seconds)), Figures.count(Math.round(tokens / seconds))));
    }
  }

  private void recipe() {
    page.section("recipe", "Recipe", "Every key with its value; it can be run again.");
    html.open("details").element("summary", "recipe.yaml");
    html.open("pre").element("code", run.recipeText()).close().close().close();
  }

  private void environment() {
    if (run.environment().isMissingNode()) {
      return;
    }
    page.section("environment", "Environment", "");
    html.open("dl", "class", "facts");
    List<String> names = new ArrayList<>();
    run.environment().fieldNames().forEachRemaining(names::add);
    names.forEach(name -> page.fact(name, run.environment().get(name).asText()));
    html.close().close();
  }
}
