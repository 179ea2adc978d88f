package thanora.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.NamedAdapters;
import thanora.image.ImageSource;
import thanora.serve.Engine;
import thanora.serve.Order;
import thanora.serve.Piece;
import thanora.serve.Ticket;
import thanora.text.ChatMessage;

@Command(
    name = "generate",
    description = "Answers prompts with a model, a model and an adapter, or the model of a run.",
    footer = {
      "",
      "Example: thanora generate --run runs/a --prompt 'twelve plus three'",
      "         thanora generate --run runs/a --image cat.jpg --prompt 'What is this?'",
      "         thanora generate --run runs/a --prompts questions.jsonl > answers.jsonl"
    })
final class GenerateCommand implements Callable<Integer> {
  private static final int PARALLEL = 16;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Where the prompts come from. */
  static final class Source {
    @Option(names = "--prompt", paramLabel = "TEXT", description = "The prompt; - reads it from standard input.")
    Optional<String> prompt = Optional.empty();

    @Option(
        names = "--prompts",
        paramLabel = "FILE",
        description = "Many: rows {\"prompt\": ...} where FILE ends in .jsonl, else a prompt a line. A row"
            + " {\"prompt\": ..., \"answer\": ...} each comes out.")
    Optional<Path> prompts = Optional.empty();
  }

  @Mixin private ModelOptions models;

  @ArgGroup(multiplicity = "1")
  private Source source;

  @Option(
      names = "--image",
      paramLabel = "FILE",
      description = "An image that the prompt is about, for a model that sees images. May be repeated; <image> in the"
          + " prompt is the place of one, and they come before a prompt that has none.")
  private List<Path> images = new ArrayList<>();

  @Mixin private AnswerOptions options;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() throws InterruptedException {
    options.check();
    boolean many = source.prompts.isPresent();
    List<String> prompts = many ? read(source.prompts.get()) : List.of(one());
    List<ImageSource> seen = new ArrayList<>();
    for (Path file : images) {
      if (!Files.isRegularFile(file)) {
        throw new IllegalArgumentException("--image " + file + " is not a file; check the path");
      }
      seen.add(new ImageSource.ImageFile(file, ""));
    }
    try (NamedAdapters loaded = models.open(output)) {
      int adapter = loaded.names().size() - 1;
      if (adapter > 1) {
        throw new IllegalArgumentException("--adapter: one answers at a time; give one, or use thanora serve or chat");
      }
      List<Order> orders = new ArrayList<>();
      for (String prompt : prompts) {
        orders.add(order(loaded, adapter, prompt, seen, orders.size()));
      }
      try (Engine engine = new Engine(loaded, PARALLEL, orders.size());
          Ticket ticket = engine.submit(read(engine, orders), Integer.MAX_VALUE)) {
        answer(ticket, prompts, many);
      }
    }
    return 0;
  }

  /** A broken image is told before anything is generated. */
  private static List<Order> read(Engine engine, List<Order> orders) {
    engine.requireImages(orders);
    return orders;
  }

  private Order order(NamedAdapters loaded, int adapter, String prompt, List<ImageSource> seen, int index) {
    try {
      String text = prompt.contains(ChatMessage.IMAGE) ? prompt
          : (ChatMessage.IMAGE + "\n").repeat(seen.size()) + prompt;
      return options.order(
          loaded.model(), adapter, options.system, List.of(new ChatMessage("user", text)), seen, index);
    } catch (IllegalArgumentException e) {
      throw source.prompts.isEmpty() ? e
          : new IllegalArgumentException(source.prompts.get() + ": prompt " + (index + 1) + ": " + e.getMessage());
    }
  }

  /** Answers in the order of the prompts, each as soon as those before it are there. */
  private void answer(Ticket ticket, List<String> prompts, boolean many) throws InterruptedException {
    List<StringBuilder> texts = new ArrayList<>();
    prompts.forEach(prompt -> texts.add(new StringBuilder()));
    boolean[] done = new boolean[prompts.size()];
    int next = 0;
    try (Progress progress = output.progress("answers", many ? prompts.size() : 0)) {
      while (!ticket.done()) {
        Piece piece = ticket.poll(Integer.MAX_VALUE);
        texts.get(piece.index()).append(piece.text());
        done[piece.index()] = piece.isLast();
        for (; next < done.length && done[next]; next++) {
          String answer = texts.get(next).toString();
          Map<String, Object> row = new TreeMap<>(Map.of("prompt", prompts.get(next), "answer", answer));
          output.result(row, many ? json(row) : answer);
          if (many) {
            progress.update(next + 1);
          }
        }
      }
    }
  }

  private static String json(Object value) {
    return JSON.valueToTree(value).toString();
  }

  private String one() {
    String prompt = source.prompt.orElseThrow();
    if (!prompt.equals("-")) {
      return prompt;
    }
    try {
      return new String(System.in.readAllBytes(), StandardCharsets.UTF_8).stripTrailing();
    } catch (IOException e) {
      throw new UncheckedIOException("standard input cannot be read", e);
    }
  }

  private static List<String> read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException("--prompts " + file + " is not a file; check the path");
    }
    try {
      List<String> prompts = new ArrayList<>();
      List<String> lines = Files.readAllLines(file);
      for (int i = 0; i < lines.size(); i++) {
        if (!lines.get(i).isBlank()) {
          prompts.add(file.toString().endsWith(".jsonl") ? prompt(lines.get(i), file + ":" + (i + 1)) : lines.get(i));
        }
      }
      if (prompts.isEmpty()) {
        throw new IllegalArgumentException("--prompts " + file + " holds no prompt; write one a line");
      }
      return prompts;
    } catch (IOException e) {
      throw new IllegalArgumentException("--prompts " + file + " cannot be read as UTF-8 text (" + e.getMessage() + "); check the file", e);
    }
  }

  private static String prompt(String line, String where) {
    try {
      JsonNode row = JSON.readTree(line);
      if (row.path("prompt").isTextual()) {
        return row.get("prompt").textValue();
      }
    } catch (IOException notJson) {
      // said below
    }
    throw new IllegalArgumentException(where + ": is not a row {\"prompt\": \"...\"}; write one object a line");
  }
}
