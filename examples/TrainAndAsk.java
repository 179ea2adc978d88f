import java.nio.file.Path;
import java.util.Map;
import thanora.FineTune;
import thanora.Recipe;
import thanora.RunListener;
import thanora.RunSummary;
import thanora.TrainedModel;

/**
 * Fine-tunes one model on two tasks, asks it, and merges the result into a Hugging Face folder.
 *
 * <p>Arguments: MODEL DATA RUN MERGED STEPS. DATA holds sums/train.jsonl, sums/test.jsonl and the same of dates.
 */
public class TrainAndAsk {
  public static void main(String[] args) {
    Path run = Path.of(args[2]);
    Recipe recipe = Recipe.builder(args[0])
        .data(Path.of(args[1]))
        .task("sums", Map.of("metric", "exact_match"))
        .task("dates")
        .set("lora.r", 6)
        .set("lora.target_modules", "all-linear")
        .set("train.max_steps", Integer.parseInt(args[4]))
        .set("train.learning_rate", 2e-3)
        .set("eval.max_rows", 4)
        .build();

    RunSummary summary = FineTune.from(recipe).runIn(run).run(new RunListener() {
      @Override
      public void trained(long step, Map<String, Double> taskLoss) {
        System.out.println("step " + step + " " + taskLoss);
      }
    });
    summary.tasks().forEach((name, task) ->
        System.out.println(name + ": -log p " + task.nllBefore() + " before, " + task.nllAfter() + " after"));

    try (TrainedModel model = TrainedModel.ofRun(run)) {
      System.out.println("12+30 = " + model.answer("12+30", 8));
      TrainedModel.MergeReport report = model.merge(recipe, Path.of(args[3]), RunListener.SILENT);
      System.out.println("merged; logits differ by " + report.maxLogitDifference());
    }
  }
}
