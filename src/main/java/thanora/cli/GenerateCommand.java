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
import java.util.function.IntConsumer;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.NamedAdapters;
import thanora.image.ImageException;
import thanora.image.ImageSource;
import thanora.model.ImageReader;
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
        description = "Many: rows {\"prompt\": ...} where FILE ends in .jsonl, else a prompt a line; a row may have"
            + " images, a list of paths beside FILE. A row {\"prompt\": ..., \"answer\": ...} each comes out.")
    Optional<Path> prompts = Optional.empty();
  }

  /** A prompt and its images. */
  private record Asked(String prompt, List<ImageSource> images) {}

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
    List<Asked> prompts = many ? read(source.prompts.get(), shown()) : List.of(new Asked(one(), shown()));
    try (NamedAdapters loaded = models.open(output)) {
      int adapter = loaded.names().size() - 1;
      if (adapter > 1) {
        throw new IllegalArgumentException("--adapter: one answers at a time; give one, or use thanora serve or chat");
      }
      List<Order> orders = new ArrayList<>();
      for (Asked prompt : prompts) {
        orders.add(order(loaded, adapter, prompt, orders.size()));
      }
      boolean seeing = prompts.stream().anyMatch(prompt -> !prompt.images.isEmpty());
      int most = seeing ? ImageReader.AHEAD : orders.size(); // images are read before any of their answers is begun
      try (Engine engine = new Engine(loaded, PARALLEL, orders.size());
          Progress progress = output.progress("answers", many ? prompts.size() : 0)) {
        for (int from = 0; from < orders.size(); from += most) {
          int end = Math.min(orders.size(), from + most);
          engine.requireImages(orders.subList(from, end));
          try (Ticket ticket = engine.submit(orders.subList(from, end), Integer.MAX_VALUE)) {
            int before = from;
            answer(ticket, prompts.subList(from, end), many, done -> progress.update(before + done));
          }
        }
      }
    }
    return 0;
  }

  /** What --image names. */
  private List<ImageSource> shown() {
    List<ImageSource> shown = new ArrayList<>();
    for (Path file : images) {
      if (!Files.isRegularFile(file)) {
        throw new IllegalArgumentException("--image " + file + " is not a file; check the path");
      }
      shown.add(new ImageSource.ImageFile(file, ""));
    }
    return shown;
  }

  private Order order(NamedAdapters loaded, int adapter, Asked asked, int index) {
    try {
      String text = asked.prompt.contains(ChatMessage.IMAGE) ? asked.prompt
          : (ChatMessage.IMAGE + "\n").repeat(asked.images.size()) + asked.prompt;
      return options.order(
          loaded.model(), adapter, options.system, List.of(new ChatMessage("user", text)), asked.images, index);
    } catch (IllegalArgumentException e) {
      throw source.prompts.isEmpty() ? e : new IllegalArgumentException(placed(e.getMessage(), index), e);
    } catch (ImageException e) {
      throw source.prompts.isEmpty() ? e : new ImageException(placed(e.getMessage(), index), e);
    }
  }

  private String placed(String fault, int index) {
    String file = source.prompts.get() + ":";
    return fault.startsWith(file) ? fault : file + " prompt " + (index + 1) + ": " + fault;
  }

  /** Answers in the order of the prompts, each as soon as those before it are there. */
  private void answer(Ticket ticket, List<Asked> prompts, boolean many, IntConsumer answered)
      throws InterruptedException {
    List<StringBuilder> texts = new ArrayList<>();
    prompts.forEach(prompt -> texts.add(new StringBuilder()));
    boolean[] done = new boolean[prompts.size()];
    int next = 0;
    while (!ticket.done()) {
      Piece piece = ticket.poll(Integer.MAX_VALUE);
      texts.get(piece.index()).append(piece.text());
      done[piece.index()] = piece.isLast();
      for (; next < done.length && done[next]; next++) {
        String answer = texts.get(next).toString();
        Map<String, Object> row = new TreeMap<>(Map.of("prompt", prompts.get(next).prompt, "answer", answer));
        output.result(row, many ? json(row) : answer);
        if (many) {
          answered.accept(next + 1);
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

  private static List<Asked> read(Path file, List<ImageSource> shown) {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException("--prompts " + file + " is not a file; check the path");
    }
    try {
      List<Asked> prompts = new ArrayList<>();
      List<String> lines = Files.readAllLines(file);
      for (int i = 0; i < lines.size(); i++) {
        if (!lines.get(i).isBlank()) {
          prompts.add(file.toString().endsWith(".jsonl") ? row(file, i + 1, lines.get(i), shown)
              : new Asked(lines.get(i), shown));
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

  /** A row; one without images of its own is about those of --image. */
  private static Asked row(Path file, int line, String text, List<ImageSource> shown) {
    String where = file + ":" + line;
    try {
      JsonNode row = JSON.readTree(text);
      if (row.path("prompt").isTextual()) {
        List<ImageSource> own = new ArrayList<>();
        JsonNode named = row.path("images");
        for (JsonNode image : named.isTextual() ? List.of(named) : named) {
          if (!image.isTextual()) {
            throw new IllegalArgumentException(where + ": images are not paths; give a list of files beside it");
          }
          own.add(new ImageSource.ImageFile(file.resolveSibling(image.textValue()).normalize(), where));
        }
        return new Asked(row.get("prompt").textValue(), own.isEmpty() ? shown : own);
      }
    } catch (IOException notJson) {
      // said below
    }
    throw new IllegalArgumentException(where + ": is not a row {\"prompt\": \"...\"}; write one object a line");
  }
}
