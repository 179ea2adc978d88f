package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
  @TempDir Path parent;

  private final List<String> notes = new ArrayList<>();

  private RunFolder create(Path folder, boolean resume) {
    return RunFolder.create(folder, resume, notes::add);
  }

  private Recipe recipe(String... overrides) {
    String yaml = "model: demo\ntasks: [{name: words}]\n";
    return RecipeReader.parse(yaml, "r", List.of(overrides), notes::add);
  }

  @Test
  void aNewFolderIsMadeAndGivenBack() throws IOException {
    Path folder = parent.resolve("a/b c");
    try (RunFolder run = create(folder, false)) {
      assertThat(folder.resolve(".lock")).content().startsWith(ProcessHandle.current().pid() + " ");
      run.writeOrCompare(recipe());
    }
    try (var entries = Files.list(folder)) {
      assertThat(entries).containsExactly(folder.resolve("recipe.yaml"));
    }
    assertThat(RunFolder.recipeOf(folder, List.of("seed=3"), notes::add))
        .isEqualTo(recipe("seed=3"));
    assertThat(notes).isEmpty();
  }

  @Test
  void aFolderThatIsNotEmptyIsRefusedUntouched() throws IOException {
    Files.writeString(parent.resolve("x"), "x");
    assertThatThrownBy(() -> create(parent, false))
        .isInstanceOf(RunFolderException.class)
        .hasMessage("run folder " + parent + ": is not empty (x); give another --run-dir, or"
            + " --resume to go on with it");
    assertThatThrownBy(() -> create(parent, true))
        .hasMessageContaining("holds no recipe.yaml, so it is not a run to resume");
    try (var entries = Files.list(parent)) {
      assertThat(entries).containsExactly(parent.resolve("x"));
    }
  }

  @Test
  void aFileIsNoFolder() throws IOException {
    Path file = Files.writeString(parent.resolve("x"), "x");
    assertThatThrownBy(() -> create(file, false))
        .hasMessage("run folder " + file + ": is a file; give a folder as --run-dir");
  }

  @Test
  void aFolderInUseNamesItsProcess() {
    try (RunFolder run = create(parent, false)) {
      assertThatThrownBy(() -> create(parent, true))
          .isInstanceOf(RunFolderException.class)
          .hasMessageContaining("is in use by process " + ProcessHandle.current().pid());
      assertThat(run.path()).isEqualTo(parent);
    }
    create(parent, false).close();
  }

  @Test
  void theLockOfADeadProcessIsTakenOver() throws Exception {
    Process process = new ProcessBuilder("java", "-version").start();
    long pid = process.pid();
    process.waitFor();
    Files.writeString(
        parent.resolve(".lock"), pid + " 2020-01-01T00:00:00Z " + RunLock.host() + "\n");
    create(parent, false).close();
    assertThat(notes).containsExactly("run folder " + parent
        + ": took over the lock of a process that is gone (" + pid + ")");
  }

  @Test
  void aProcessIdUsedAgainIsNotTheHolder() throws IOException {
    long self = ProcessHandle.current().pid();
    Files.writeString(
        parent.resolve(".lock"), self + " 2020-01-01T00:00:00Z " + RunLock.host() + "\n");
    create(parent, false).close();
    assertThat(notes).hasSize(1);
  }

  @Test
  void theLockOfAnotherHostStays() throws IOException {
    Files.writeString(parent.resolve(".lock"), "1 2020-01-01T00:00:00Z elsewhere\n");
    assertThatThrownBy(() -> create(parent, false)).hasMessageContaining("on host elsewhere");
    assertThat(parent.resolve(".lock")).exists();
  }

  @Test
  void aTornLockCountsOnlyWhileItIsFresh() throws IOException {
    Path lock = Files.writeString(parent.resolve(".lock"), "");
    assertThatThrownBy(() -> create(parent, false)).hasMessageContaining("is being locked");
    Files.setLastModifiedTime(lock, FileTime.from(Instant.now().minusSeconds(60)));
    create(parent, false).close();
    assertThat(notes).hasSize(1);
  }

  @Test
  void leftoversOfAKilledRunAreRemoved() throws IOException {
    try (RunFolder run = create(parent, false)) {
      run.writeOrCompare(recipe());
    }
    Files.createDirectories(parent.resolve("checkpoints/step-000002.part"));
    Files.createDirectories(parent.resolve("adapter.part"));
    create(parent, true).close();
    assertThat(parent.resolve("checkpoints/step-000002.part")).doesNotExist();
    assertThat(parent.resolve("adapter.part")).doesNotExist();
    assertThat(notes).containsExactly("run folder " + parent
        + ": removed what a killed run left: adapter.part, step-000002.part");
  }

  @Test
  void anEmptyFolderIsResumedAsANewRun() {
    try (RunFolder run = create(parent, true)) {
      assertThat(run.holdsRun()).isFalse();
    }
  }

  @Test
  void resumingWithAnotherRecipeNamesEveryDifference() {
    try (RunFolder run = create(parent, false)) {
      run.writeOrCompare(recipe());
      assertThatThrownBy(() -> run.writeOrCompare(recipe("seed=1", "tasks.words.weight=2")))
          .isInstanceOf(RecipeException.class)
          .hasMessage(
              "seed: 1 differs from 0 of the run; resume with the same, or give another --run-dir"
                  + System.lineSeparator()
                  + "tasks.words.weight: 2 differs from 1 of the run; resume with the same, or give"
                  + " another --run-dir");
      run.writeOrCompare(recipe("eval.max_rows=5", "train.save_steps=10"));
      assertThat(RunFolder.recipeOf(parent, List.of(), notes::add).eval().maxRows()).isEqualTo(5);
    }
  }

  @Test
  void roomIsCheckedBeforehand() {
    RunFolder.requireFreeSpace(parent, 1);
    assertThatThrownBy(() -> RunFolder.requireFreeSpace(parent, Long.MAX_VALUE / 2))
        .isInstanceOf(RunFolderException.class)
        .hasMessageContaining("MiB are needed; make room or give another folder");
  }

  @Test
  void aFolderWithoutARunSaysSo() {
    assertThatThrownBy(() -> RunFolder.recipeOf(parent, List.of(), notes::add))
        .hasMessage("run folder " + parent + ": holds no recipe.yaml; give the folder of a run");
  }
}
