package thanora.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import thanora.Recipe;
import thanora.RecipeReader;
import thanora.checkpoint.AtomicFolders;
import thanora.demo.DemoTasks;
import thanora.tensor.Natives;

/** The recipe of the demo, and its rows, which are generated into the run folder. */
final class DemoRecipe {
  /** Folder of the rows within the run folder. */
  static final String DATA = "data";

  private static final int TRAIN_ROWS = 2000;
  private static final int TEST_ROWS = 200;

  private DemoRecipe() {}

  /** Reads the recipe with the changes, and writes the rows unless they are there. */
  static Recipe read(Path folder, List<String> overrides, Consumer<String> notes) throws IOException {
    Path data = folder.resolve(DATA);
    List<String> changes = new ArrayList<>(List.of("data=" + data));
    changes.addAll(overrides);
    Path file = Path.of(System.getProperty("thanora.home", "")).resolve("recipes").resolve("demo.yaml");
    Recipe recipe = RecipeReader.read(file, changes, notes).withAbsolutePaths();
    Natives.loadAhead();
    if (!Files.exists(data)) {
      AtomicFolders.publish(data, target -> DemoTasks.writeTo(target, TRAIN_ROWS, TEST_ROWS, recipe.seed()));
    }
    return recipe;
  }
}
