package thanora.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import thanora.Recipe;
import thanora.RecipeReader;
import thanora.RunFolder;
import thanora.checkpoint.AtomicFolders;
import thanora.demo.DemoImages;
import thanora.demo.DemoTasks;
import thanora.demo.ImageModel;
import thanora.tensor.Natives;

/**
 * The recipe of a demo, and its rows, which are generated into the run folder.
 *
 * @param file name of the recipe
 * @param images whether its rows have images, for which a model is put together in the run folder too
 */
record DemoRecipe(String file, boolean images) {
  static final DemoRecipe TEXT = new DemoRecipe("demo.yaml", false);
  static final DemoRecipe IMAGES = new DemoRecipe("demo-images.yaml", true);

  /** Folder of the rows within the run folder. */
  static final String DATA = "data";

  /** Folder of the model with images. */
  static final String MODEL = "model";

  private static final int TRAIN_ROWS = 2000;
  private static final int TEST_ROWS = 200;
  private static final int TRAIN_PICTURES = 350;
  private static final int TEST_PICTURES = 60;

  /** The one of a name: demo or demo-images. */
  static Optional<DemoRecipe> named(String name) {
    return Stream.of(TEXT, IMAGES).filter(recipe -> recipe.file.equals(name + ".yaml")).findFirst();
  }

  /** Reads the recipe with the changes, and writes rows and model unless they are there. */
  Recipe read(Path folder, List<String> overrides, Consumer<String> notes) throws IOException {
    Path home = Path.of(System.getProperty("thanora.home", ""));
    Path data = folder.resolve(DATA);
    Path model = folder.resolve(MODEL);
    List<String> changes = new ArrayList<>(List.of("data=" + data));
    if (images) {
      changes.add("model=" + model);
    }
    changes.addAll(overrides);
    Recipe recipe =
        RecipeReader.read(home.resolve("recipes").resolve(file), changes, notes).withAbsolutePaths();
    Natives.loadAhead();
    if (!Files.exists(data)) {
      AtomicFolders.publish(data, target -> writeRows(target, recipe.seed()));
    }
    if (recipe.model().equals(model.toAbsolutePath().toString()) && !Files.exists(model)) {
      ImageModel.assemble(home.resolve("demo"), model);
    }
    return recipe;
  }

  /** Removes rows and model again where no run came of them, so that the folder is free for the next try. */
  static void removeUnlessRun(RunFolder folder) {
    for (String part : List.of(DATA, MODEL)) {
      Path made = folder.path().resolve(part);
      if (!folder.holdsRun() && Files.exists(made)) {
        AtomicFolders.remove(made);
      }
    }
  }

  private void writeRows(Path target, long seed) throws IOException {
    if (images) {
      DemoImages.writeTo(target, TRAIN_PICTURES, TEST_PICTURES, seed);
    } else {
      DemoTasks.writeTo(target, TRAIN_ROWS, TEST_ROWS, seed);
    }
  }
}
