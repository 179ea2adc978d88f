package thanora.data;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How the rows of a task's files become prompts and answers.
 *
 * @param format what the fields mean
 * @param columns column of the file by the field it stands for, such as {@code question} for
 *     {@code prompt}; a field that is not there is its own column
 * @param prompt the prompt, made of columns; takes the place of the field
 * @param completion the answer, made of columns; takes the place of the field
 * @param system a system message for rows that have none, made of columns
 * @param lastTurnOnly whether only the last answer of a conversation is trained
 * @param imageDir folder that paths of images are relative to; empty for the folder of the rows' file
 */
public record RowRules(
    RowFormat format,
    Map<String, String> columns,
    Optional<TextPattern> prompt,
    Optional<TextPattern> completion,
    Optional<TextPattern> system,
    boolean lastTurnOnly,
    Optional<Path> imageDir) {
  /** The fields that rows may have, of all formats. */
  public static final List<String> FIELDS =
      List.of("prompt", "completion", "instruction", "input", "output", "system", "history",
          "conversations", "messages", "tools", "text", "images");

  public RowRules {
    columns = Map.copyOf(columns);
  }

  /** Rows that need no explanation. */
  public static RowRules none() {
    return new RowRules(
        RowFormat.AUTO, Map.of(), Optional.empty(), Optional.empty(), Optional.empty(), false, Optional.empty());
  }
}
