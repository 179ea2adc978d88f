package thanora;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.train.EventFile;

/** Kills real {@code thanora train} processes and lets the next one go on with {@code --resume}. */
@Tag("slow")
class FineTuneKillTest {
  @TempDir static Path shared;
  private static Path recipe;
  private static Path whole;
  private static long millis;

  @TempDir Path folder;

  @BeforeAll
  static void uninterrupted() throws IOException, InterruptedException {
    Path data = SmallRun.data(shared.resolve("data"));
    recipe = shared.resolve("recipe.yaml");
    Files.writeString(recipe, SmallRun.yaml(data));
    whole = shared.resolve("whole");
    long start = System.nanoTime();
    assertThat(start(whole).waitFor()).isZero();
    millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
  }

  private static Process start(Path run) throws IOException {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx1g", "-XX:+UseSerialGC", "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
        "-cp", System.getProperty("java.class.path"), "thanora.cli.Main", "train",
        recipe.toString(), "--run-dir", run.toString(), "--resume"));
    for (String change : List.of("threads=2", "train.max_steps=12", "train.save_steps=2",
        "train.eval_steps=3", "train.save_total_limit=2")) {
      command.add("--set");
      command.add(change);
    }
    return new ProcessBuilder(command)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private static void kill(Process process) throws InterruptedException {
    process.toHandle().destroyForcibly();
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
  }

  /** Waits until something is true of the folder; the process may end before. */
  private static void await(Process process, BooleanSupplier reached) throws InterruptedException {
    while (process.isAlive() && !reached.getAsBoolean()) {
      Thread.onSpinWait();
    }
  }

  private void finish() throws IOException, InterruptedException {
    assertThat(start(folder).waitFor()).isZero();
    assertThat(SmallRun.adapter(folder)).isEqualTo(SmallRun.adapter(whole));
    assertThat(folder.resolve("plan.json")).hasSameBinaryContentAs(whole.resolve("plan.json"));
    assertThat(SmallRun.log(folder)).extracting(row -> row.get("step").asInt())
        .isEqualTo(SmallRun.log(whole).stream().map(row -> row.get("step").asInt()).toList());
    assertThat(folder.resolve("answers.jsonl")).hasSameBinaryContentAs(whole.resolve("answers.jsonl"));
    assertThat(EventFile.files(folder)).hasSize(1);
    assertThat(SmallRun.json(folder.resolve("summary.json")).get("tasks"))
        .isEqualTo(SmallRun.json(whole.resolve("summary.json")).get("tasks"));
    try (var files = Files.walk(folder)) {
      assertThat(files.filter(file -> file.toString().endsWith(".part"))).isEmpty();
    }
  }

  @Test
  void killedAtRandomMomentsOneAfterAnother() throws IOException, InterruptedException {
    Random random = new Random(3);
    for (int round = 0; round < 5; round++) {
      Process process = start(folder);
      Thread.sleep(200 + random.nextInt((int) millis));
      kill(process);
    }
    finish();
  }

  @Test
  void killedAsSoonAsTheRecipeIsThereThenDuringThePreview()
      throws IOException, InterruptedException {
    Process process = start(folder);
    await(process, () -> Files.exists(folder.resolve("recipe.yaml")));
    kill(process);
    assertThat(folder.resolve("plan.json")).doesNotExist();
    process = start(folder);
    await(process, () -> Files.exists(folder.resolve(".lock")));
    Thread.sleep(millis / 4);
    kill(process);
    finish();
  }

  @Test
  void killedWhileACheckpointIsWritten() throws IOException, InterruptedException {
    for (String step : List.of("step-000002", "step-000004", "step-000012")) {
      Process process = start(folder);
      Path part = folder.resolve("checkpoints").resolve(step + ".part");
      await(process, () -> Files.exists(part));
      kill(process);
    }
    finish();
  }

  @Test
  void killedWhileTheAdapterIsWrittenAndWhileItIsReplaced()
      throws IOException, InterruptedException {
    Process process = start(folder);
    await(process, () -> Files.exists(folder.resolve("adapter.part")));
    kill(process);
    assertThat(folder.resolve("adapter")).doesNotExist();
    process = start(folder);
    await(process, () -> Files.exists(folder.resolve("adapter")));
    kill(process);
    process = start(folder);
    await(process, () -> Files.exists(folder.resolve("adapter.old.part")));
    kill(process);
    finish();
  }
}
