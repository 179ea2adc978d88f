package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.Recipe;
import thanora.RecipeReader;

class InitCommandTest {
  @TempDir Path folder;
  private SmallRun small;
  private Path data;
  private Path recipe;

  @BeforeEach
  void make() throws IOException {
    small = new SmallRun(folder);
    data = folder.resolve("rows");
    recipe = folder.resolve("recipe.yaml");
  }

  private void rows(String file, int count, IntFunction<String> answer) throws IOException {
    Path path = data.resolve(file);
    Files.createDirectories(path.getParent());
    Files.write(path, IntStream.range(0, count)
        .mapToObj(i -> "{\"prompt\": \"row " + i + "\", \"completion\": \"" + answer.apply(i) + "\"}").toList());
  }

  private int init() {
    return small.run("init", data.toString(), "--out", recipe.toString(), "--model",
        Path.of("demo/model").toAbsolutePath().toString());
  }

  private Recipe read() {
    return RecipeReader.read(recipe, List.of(), note -> {});
  }

  @Test
  void tasksArePairsOfFilesAndMetricsFitTheirAnswers() throws IOException {
    rows("labels/train.jsonl", 30, i -> i % 2 == 0 ? "yes" : "no");
    rows("labels/test.jsonl", 4, i -> "no");
    rows("labels/dev.jsonl", 3, i -> "no");
    rows("sums-train.jsonl", 12, i -> "so it is " + i);
    rows("sums-val.jsonl", 3, i -> "" + i);
    rows("text.jsonl", 40, i -> "a rather long answer that says " + "very ".repeat(i % 9) + "much of it");
    rows("test_names.jsonl", 2, i -> "n" + "a".repeat(i));
    rows("train_names.jsonl", 12, i -> "n" + "a".repeat(i));
    assertThat(init()).isZero();
    assertThat(small.stdout()).contains("4 tasks: labels, names, sums, text");
    assertThat(read().tasks()).extracting(task -> task.name() + " " + task.metric())
        .containsExactly("labels ACCURACY", "names EXACT_MATCH", "sums ANSWER", "text CHRF");
    Recipe.Task labels = read().tasks().get(0);
    assertThat(List.of(labels.train(), labels.test(), labels.validation()))
        .containsExactly(List.of("labels/train.jsonl"), List.of("labels/test.jsonl"), List.of("labels/dev.jsonl"));
    assertThat(read().tasks().get(2).test()).containsExactly("sums-val.jsonl");
    Path held = folder.resolve("recipe-data/text");
    assertThat(Files.readAllLines(held.resolve("test.jsonl"))).hasSize(4);
    assertThat(Files.readAllLines(held.resolve("train.jsonl"))).hasSize(36)
        .doesNotContainAnyElementsOf(Files.readAllLines(held.resolve("test.jsonl")));
    assertThat(read().lora().r()).isGreaterThan(5);
    assertThat(Files.readAllLines(recipe)).filteredOn(line -> line.contains("#")).hasSizeGreaterThan(15);
  }

  @Test
  void whatItWritesRunsAsItIs() throws IOException {
    rows("a/train.jsonl", 8, i -> "x");
    rows("b.jsonl", 8, i -> "y " + i);
    assertThat(init()).isZero();
    assertThat(small.run("train", recipe.toString(), "--run-dir", small.out.toString(), "--quiet",
        "train.max_steps=1", "hasi.preview_rows=2", "eval.generate=false", "lora.target_modules=[q_proj]")).isZero();
  }

  @Test
  void nothingIsOverwritten() throws IOException {
    rows("a.jsonl", 8, i -> "x");
    assertThat(init()).isZero();
    String before = Files.readString(recipe);
    assertThat(init()).isEqualTo(2);
    assertThat(small.stderr()).containsExactly(
        "thanora: " + recipe + ": exists already; give another --out, or remove it");
    assertThat(recipe).hasContent(before);
    Files.delete(recipe);
    assertThat(init()).isEqualTo(2);
    assertThat(small.stderr()).containsExactly("thanora: " + folder.resolve("recipe-data")
        + ": exists already; give another --out, or remove it");
    assertThat(recipe).doesNotExist();
  }

  @Test
  void filesThatAreNoRowsAreNamed() throws IOException {
    rows("good.jsonl", 8, i -> "x");
    Files.writeString(data.resolve("bad.jsonl"), "{\"title\": \"t\"}\n");
    rows("only-test.jsonl", 2, i -> "x");
    assertThat(init()).isZero();
    assertThat(small.stderr()).anyMatch(line -> line.startsWith("task bad left out: " + data.resolve("bad.jsonl") + ":1:"))
        .contains(data.resolve("only-test.jsonl") + ": left out, since task only has no rows to train on");
    assertThat(read().tasks()).hasSize(1);
  }

  @Test
  void aModelOrAPlaceThatIsNoneLeavesNothing() throws IOException {
    rows("a.jsonl", 8, i -> "x");
    Path model = Files.createDirectories(folder.resolve("empty"));
    assertThat(small.run("init", data.toString(), "--out", recipe.toString(), "--model", model.toString()))
        .isEqualTo(1);
    assertThat(small.stderr()).singleElement().asString().contains("has no config.json and no .gguf file");
    assertThat(small.run("init", data.toString(), "--out", folder.resolve("no/r.yaml").toString())).isEqualTo(2);
    assertThat(small.stderr()).singleElement().asString().contains("/no: is not a folder; make it");
    assertThat(folder.resolve("recipe-data")).doesNotExist();
  }

  @Test
  void aFolderWithoutRows() throws IOException {
    Files.createDirectories(data);
    assertThat(init()).isEqualTo(2);
    assertThat(small.stderr()).singleElement().asString().contains(": holds no file of rows");
    rows("a.jsonl", 1, i -> "x");
    assertThat(init()).isEqualTo(2);
    assertThat(small.stderr()).singleElement().asString().contains("one row cannot be both trained and tested on");
    assertThat(folder.resolve("recipe-data")).doesNotExist();
  }
}
