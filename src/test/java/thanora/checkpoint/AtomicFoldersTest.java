package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFoldersTest {
  @TempDir Path folder;

  private List<String> names() throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aFileThatFailsHalfwayLeavesTheOldOne() throws IOException {
    Path file = folder.resolve("a.txt");
    AtomicFiles.write(file, "old");
    assertThatThrownBy(
            () ->
                AtomicFiles.write(
                    file,
                    out -> {
                      out.write(new byte[100_000]);
                      throw new IOException("disk is full");
                    }))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("disk is full")
        .hasMessageStartingWith(file + ": cannot be written");
    assertThat(file).hasContent("old");
    assertThat(names()).containsExactly("a.txt");
  }

  @Test
  void aFileIsReplacedWhole() {
    Path file = folder.resolve("a.txt");
    AtomicFiles.write(file, "a long old text");
    AtomicFiles.write(file, "new");
    assertThat(file).hasContent("new");
  }

  @Test
  void anInterruptedFileIsNeverSeenUnderItsName() {
    Path file = folder.resolve("a.txt");
    AtomicFiles.write(file, out -> assertThat(file).doesNotExist());
    assertThat(file).exists();
  }

  @Test
  void aFolderThatFailsHalfwayIsNotThere() throws IOException {
    Path target = folder.resolve("out");
    assertThatThrownBy(
            () ->
                AtomicFolders.publish(
                    target,
                    part -> {
                      Files.writeString(part.resolve("first"), "1");
                      assertThat(target).doesNotExist();
                      throw new IllegalStateException("killed");
                    }))
        .isInstanceOf(IllegalStateException.class);
    assertThat(names()).isEmpty();
  }

  @Test
  void publishRefusesWhatIsThere() throws IOException {
    Path target = Files.createDirectory(folder.resolve("out"));
    assertThatThrownBy(() -> AtomicFolders.publish(target, part -> {}))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(target + ": exists already; give another folder or remove it");
  }

  @Test
  void aReplacementThatFailsKeepsTheOldFolder() throws IOException {
    Path target = folder.resolve("out");
    AtomicFolders.replace(target, part -> Files.writeString(part.resolve("x"), "old"));
    assertThatThrownBy(
            () ->
                AtomicFolders.replace(
                    target,
                    part -> {
                      throw new IOException("no");
                    }))
        .isInstanceOf(CheckpointException.class);
    assertThat(target.resolve("x")).hasContent("old");
    AtomicFolders.replace(target, part -> Files.writeString(part.resolve("y"), "new"));
    assertThat(target.resolve("x")).doesNotExist();
    assertThat(target.resolve("y")).hasContent("new");
    assertThat(names()).containsExactly("out");
  }

  @Test
  void leftoversAreRemovedAndAHalfReplacementIsUndone() throws IOException {
    Files.createDirectories(folder.resolve("out.part/deep"));
    Files.writeString(folder.resolve("log.part"), "torn");
    Files.createDirectories(folder.resolve("adapter.old.part"));
    Files.writeString(folder.resolve("adapter.old.part/x"), "old");
    Files.writeString(folder.resolve("kept"), "k");
    assertThat(AtomicFolders.clean(folder))
        .containsExactly("adapter.old.part", "log.part", "out.part");
    assertThat(names()).containsExactly("adapter", "kept");
    assertThat(folder.resolve("adapter/x")).hasContent("old");
  }
}
