package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Names of the hub in recipes. What is fetched for them is {@code HubCommandTest}'s. */
class HubNamesTest {
  private static final String COMMIT = "0123456789".repeat(4);

  private final List<String> notes = new ArrayList<>();

  private Recipe read(String model, String task) {
    return RecipeReader.parse("model: " + model + "\ntasks: [{name: t" + task + "}]\n", "r.yaml", List.of(), notes::add);
  }

  @Test
  void splitsAreNamedUnlessSaidOtherwise() {
    Recipe.Task task = read("demo", ", dataset: org/set@v1, config: main").tasks().get(0);
    assertThat(task.dataset()).contains("org/set@v1");
    assertThat(task.config()).contains("main");
    assertThat(task.train()).containsExactly("train");
    assertThat(task.test()).containsExactly("test");
    assertThat(task.validation()).isEmpty();
    assertThat(read("demo", ", dataset: org/set, test: dev").tasks().get(0).test()).containsExactly("dev");
    assertThatThrownBy(() -> read("demo", ", dataset: a/b/c")).isInstanceOf(RecipeException.class).hasMessage(
        "tasks.0.dataset: a/b/c is not the name of a data set; write it as ORG/NAME or ORG/NAME@REVISION");
    assertThatThrownBy(() -> read("demo", ", config: main")).isInstanceOf(RecipeException.class)
        .hasMessage("tasks.0.config: is of a data set on the hub; give its name as dataset, or leave it out");
  }

  @Test
  void namesStayNamesAndFoldersHideThem() {
    assertThat(read("org/none@v1", "").withAbsolutePaths().model()).isEqualTo("org/none@v1");
    assertThat(notes).isEmpty();
    assertThat(read("demo/model", "").withAbsolutePaths().model())
        .isEqualTo(Path.of("demo/model").toAbsolutePath().toString());
    assertThat(notes).isEmpty();
    read("src/main", "");
    assertThat(notes).containsExactly("model src/main is the folder here, not the hub's model of that name");
    RecipeReader.requireFiles(read("org/none", ", dataset: org/set")); // nothing that is looked for here
  }

  @Test
  void aRunThatGoesOnKeepsItsCommits(@TempDir Path folder) {
    Recipe run = read("org/none@" + COMMIT, ", dataset: org/set@" + COMMIT);
    assertThat(HubNames.withRevisions(read("org/none", ", dataset: org/set"), run)).isEqualTo(run);
    for (String other : List.of("org/none@v2", "org/other", "org/none@" + COMMIT.replace('0', 'a'))) {
      assertThat(HubNames.withRevisions(read(other, ""), run).model()).isEqualTo(other);
    }
    assertThat(HubNames.withRevisions(read("org/none@v2", ""), read("org/none@v2.1", "")).model()).isEqualTo("org/none@v2");
  }

  @Test
  void aPathIntoACacheIsItsName(@TempDir Path folder) throws Exception {
    Path snapshot = Files.createDirectories(folder.resolve("models--org--demo/snapshots").resolve(COMMIT));
    for (Path file : List.of(Path.of("config.json"), Path.of("tokenizer.json"), Path.of("tokenizer_config.json"),
        Path.of("generation_config.json"), Path.of("model.safetensors"))) {
      Files.createSymbolicLink(snapshot.resolve(file), Path.of("demo/model").resolve(file).toAbsolutePath());
    }
    try (LoadedModel model = LoadedModel.load(snapshot.toString(), "cpu", Recipe.Dtype.AUTO, 1)) {
      assertThat(model.location()).isEqualTo("org/demo");
    }
  }
}
