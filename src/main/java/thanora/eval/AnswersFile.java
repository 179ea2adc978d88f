package thanora.eval;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import thanora.checkpoint.AtomicFiles;
import thanora.checkpoint.CheckpointException;

/**
 * The file {@code answers.jsonl} of a run: every scored test row, a JSON object a line, with what the
 * model answered before and after training.
 */
public final class AnswersFile {
  /** Its name. */
  public static final String FILE = "answers.jsonl";

  private static final JsonMapper JSON = JsonMapper.builder()
      .defaultPropertyInclusion(JsonInclude.Value.ALL_ALWAYS).build();
  private static final ObjectWriter WRITER = JSON.writerFor(Line.class);
  private static final ObjectReader READER = JSON.readerFor(Line.class);

  private AnswersFile() {}

  /**
   * A row of a task.
   *
   * @param row its index in the task's file, from 0
   * @param tokens of the completion
   * @param images files of its images, if it has some
   * @param before with the base; null where it was not kept
   * @param after with the adapter; null before the end of training
   */
  public record Line(
      String task, int row, String prompt, String expected, long tokens,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<String> images, Judged before, Judged after) {
    /** Lines of older versions name no images. */
    public Line {
      images = images == null ? List.of() : List.copyOf(images);
    }

    /** The same without what came after training. */
    public Line withoutAfter() {
      return new Line(task, row, prompt, expected, tokens, images, before, null);
    }
  }

  /**
   * One answer.
   *
   * @param answer null where none was generated
   * @param score in [0, 1]; null without an answer
   * @param nll Σ −log p over the completion's tokens, in nats; null where it is not finite
   */
  public record Judged(String answer, Double score, Double nll) {
    private static Judged of(ScoredRow row) {
      return new Judged(row.answer().orElse(null), finite(row.score()), finite(row.nll()));
    }

    private static Double finite(double value) {
      return Double.isFinite(value) ? value : null;
    }
  }

  /** The lines of an untrained model's rows. */
  public static List<Line> before(Map<String, ScoredTask> tasks) {
    List<Line> lines = new ArrayList<>();
    tasks.forEach((name, task) -> task.rows().forEach(row -> lines.add(new Line(
        name, row.row(), row.prompt(), row.expected(), row.tokens(), row.images(), Judged.of(row), null))));
    return lines;
  }

  /** The lines of a trained model's rows, with what is known of them from before. */
  public static List<Line> after(List<Line> before, Map<String, ScoredTask> tasks) {
    Map<List<Object>, Judged> known = new HashMap<>();
    before.forEach(line -> known.put(List.of(line.task, line.row), line.before));
    List<Line> lines = new ArrayList<>();
    tasks.forEach((name, task) -> task.rows().forEach(row -> lines.add(new Line(
        name, row.row(), row.prompt(), row.expected(), row.tokens(), row.images(),
        known.get(List.of(name, row.row())), Judged.of(row)))));
    return lines;
  }

  /** Writes the file whole or not at all. */
  public static void write(Path file, List<Line> lines) {
    StringBuilder text = new StringBuilder();
    try {
      for (Line line : lines) {
        text.append(WRITER.writeValueAsString(line)).append('\n');
      }
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("an answer cannot be written as JSON", e);
    }
    AtomicFiles.write(file, text.toString());
  }

  /**
   * Reads the file; no lines where there is none.
   *
   * @throws CheckpointException naming the line that is damaged
   */
  public static List<Line> read(Path file) {
    List<Line> lines = new ArrayList<>();
    if (!Files.exists(file)) {
      return lines;
    }
    try (BufferedReader in = Files.newBufferedReader(file)) {
      for (String text = in.readLine(); text != null; text = in.readLine()) {
        Optional<Line> line = Optional.ofNullable(READER.<Line>readValue(text)).filter(l -> l.task != null);
        lines.add(line.orElseThrow(() -> new IOException("no row")));
      }
      return lines;
    } catch (IOException e) {
      throw new CheckpointException(file + ":" + (lines.size() + 1)
          + ": is not a row that a run wrote; remove the file, answers are then missing in the report", e);
    }
  }
}
