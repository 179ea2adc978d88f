package thanora.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import thanora.DataPreview;
import thanora.Recipe;

@Command(
    name = "preview",
    description = {
      "Shows the rows of a recipe as the model will see them: what is trained is green, or between"
          + " \u27e6 and \u27e7 where there are no colours. Counts what is odd: rows too long, empty or twice,"
          + " prompts of test rows that are in train, prompts with several answers. Reads the"
          + " tokenizer, not the weights."
    },
    footer = {
      "",
      "Example: thanora data preview recipes/six-tasks.yaml --data data"
    })
final class DataPreviewCommand implements Callable<Integer> {
  @Parameters(paramLabel = "RECIPE", description = "A recipe file; see docs/recipe.md.")
  private Path file;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description = "Training rows of each task to show; ${DEFAULT-VALUE}.")
  private int rows = 2;

  @Mixin private RecipeOptions options;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    if (rows < 0) {
      throw new IllegalArgumentException("--rows " + rows + " is smaller than 0; give 0 or more");
    }
    Recipe recipe = output.fetched(options.read(file, output::note).withAbsolutePaths());
    DataPreview preview = DataPreview.of(recipe, rows);
    output.result(
        new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .valueToTree(preview),
        new PreviewText(preview, recipe, Terminal.hasColours()).toString());
    return preview.hasFaultyImages() ? Failures.FAILED : 0;
  }
}
