package thanora.data;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import thanora.image.ImageSource;
import thanora.text.ChatMessage;

/** Makes rows of the fields that a file has, by the rules of a task. */
final class RowReader {
  private static final int MAX_NAMES = 12;
  private static final String PROMPT = "prompt";
  private static final String COMPLETION = "completion";

  private final RowRules rules;
  private final SortedSet<String> ignored = new TreeSet<>();
  private Path file;
  private RowFormat ofFile;

  RowReader(RowRules rules) {
    this.rules = rules;
  }

  /** Names of fields that were of no use so far. */
  SortedSet<String> ignoredFields() {
    return ignored;
  }

  /**
   * The row that the fields are.
   *
   * @throws DataException by file and line, if they are none
   */
  Row read(ObjectNode fields, Place place) {
    Fields row = new Fields(fields, place, rules.columns());
    if (!place.file().equals(file)) { // its first row says what all of its rows are
      file = place.file();
      ofFile = format(row);
    }
    Row read = switch (ofFile) {
      case AUTO, PROMPT_COMPLETION -> pair(row);
      case INSTRUCTION -> instruction(row);
      case CONVERSATIONS -> conversation(row, row.messages("conversations", true), 0);
      case MESSAGES -> conversation(row, row.messages("messages", false), 0);
      case TEXT -> text(row);
    };
    row.unused().limit(MAX_NAMES - Math.min(MAX_NAMES, ignored.size())).forEach(ignored::add);
    return read;
  }

  private RowFormat format(Fields row) {
    if (rules.prompt().isPresent() || rules.completion().isPresent()) {
      return RowFormat.PROMPT_COMPLETION;
    }
    if (rules.format() != RowFormat.AUTO) {
      return rules.format();
    }
    if (row.has(PROMPT) && row.has(COMPLETION)) {
      return RowFormat.PROMPT_COMPLETION;
    }
    return row.has("messages") ? RowFormat.MESSAGES
        : row.has("conversations") ? RowFormat.CONVERSATIONS
        : row.has("instruction") ? RowFormat.INSTRUCTION
        : row.has("text") && !row.has(PROMPT) && !row.has(COMPLETION) ? RowFormat.TEXT
        : RowFormat.AUTO;
  }

  private Row text(Fields row) {
    String text = row.text("text");
    return new Row.Text(text, images(row, text));
  }

  private Row pair(Fields row) {
    if (row.isList(PROMPT) && row.isList(COMPLETION)
        && rules.prompt().isEmpty() && rules.completion().isEmpty()) {
      List<ChatMessage> messages = new ArrayList<>(row.messages(PROMPT, false));
      int given = messages.size();
      messages.addAll(row.messages(COMPLETION, false));
      return conversation(row, messages, given);
    }
    String prompt = rules.prompt().map(row::fill).orElseGet(() -> row.text(PROMPT));
    String completion = rules.completion().map(row::fill).orElseGet(() -> row.text(COMPLETION));
    if (completion.isBlank()) {
      throw row.fault("completion is empty; every row needs an answer to train on");
    }
    return new Row.Pair(system(row).orElse(""), prompt, completion, images(row, prompt));
  }

  private Row instruction(Fields row) {
    String input = row.optional("input").orElse("");
    String instruction = row.text("instruction");
    String question = input.isEmpty() ? instruction
        : instruction.isEmpty() ? input : instruction + "\n" + input;
    String output = row.text("output");
    List<ChatMessage> messages = new ArrayList<>(row.history());
    if (messages.isEmpty()) {
      return new Row.Pair(system(row).orElse(""), question, output, images(row, question));
    }
    messages.add(new ChatMessage("user", question));
    messages.add(new ChatMessage("assistant", output));
    return conversation(row, messages, 0);
  }

  private List<ImageSource> images(Fields row, String text) {
    return images(row, text.contains(ChatMessage.IMAGE)).first(0);
  }

  private RowImages images(Fields row, boolean named) {
    Path folder = Optional.ofNullable(row.place().file().getParent()).orElse(Path.of(""));
    return new RowImages(rules.imageDir().orElse(folder), row.place(), row.images(named));
  }

  /** Messages behind the last of the assistant teach nothing, and are left out with their images. */
  private Row conversation(Fields row, List<ChatMessage> messages, int firstTrained) {
    RowImages images = images(row, messages.stream().anyMatch(ChatMessage::namesImage));
    boolean hasImages = !images.first(0).isEmpty() || messages.stream().anyMatch(RowImages::holdsOne);
    List<ChatMessage> all = new ArrayList<>();
    List<Integer> placed = new ArrayList<>();
    for (ChatMessage message : messages) {
      all.add(hasImages ? images.place(message) : message);
      placed.add(images.placed());
    }
    Optional<String> system = system(row);
    boolean hasSystem = !all.isEmpty() && all.get(0).role().equals("system");
    if (system.isPresent() && !hasSystem) {
      all.add(0, new ChatMessage("system", system.get()));
      placed.add(0, 0);
    }
    int first = firstTrained + all.size() - messages.size();
    while (all.size() > first + 1 && !all.get(all.size() - 1).isAnswer()) {
      all.remove(all.size() - 1);
    }
    if (all.isEmpty()) {
      throw row.fault("there is no message; give at least a question and an answer");
    }
    Row read = new Row.Conversation(
        new thanora.text.Conversation(all, row.tools(), Math.min(first, all.size() - 1)),
        images.first(placed.get(all.size() - 1)));
    return rules.lastTurnOnly() ? read.answerOnly() : read;
  }

  private Optional<String> system(Fields row) {
    Optional<String> own = row.optional("system").filter(text -> !text.isBlank());
    return own.isPresent() ? own : rules.system().map(row::fill);
  }
}
