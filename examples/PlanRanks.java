import java.nio.file.Path;
import thanora.FineTune;
import thanora.Recipe;
import thanora.RunListener;
import thanora.hasi.RankPlan;

/**
 * Shows which task would get which rank, before any training.
 *
 * <p>Arguments: MODEL DATA
 */
public class PlanRanks {
  public static void main(String[] args) {
    Recipe recipe = Recipe.builder(args[0])
        .data(Path.of(args[1]))
        .task("sums")
        .task("dates")
        .set("lora.r", 6)
        .set("hasi.preview_rows", 8)
        .build();
    RankPlan plan = FineTune.analyze(recipe, RunListener.SILENT);
    plan.modules().forEach(module -> System.out.println(module.name() + ": " + module.why()));
  }
}
