package thanora.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import thanora.NamedAdapters;
import thanora.image.ImageException;
import thanora.image.ImageSource;
import thanora.serve.Engine;
import thanora.serve.Order;
import thanora.serve.Piece;
import thanora.serve.Ticket;
import thanora.text.ChatMessage;
import thanora.text.TokenizerException;
import thanora.text.jinja.TemplateException;

/** The turns of a chat: lines in, answers out as they are made. */
final class ChatSession {
  private static final String HELP = """
      /reset         begins anew
      /system TEXT   sets the system message and begins anew; none without TEXT
      /image FILE    shows an image with what is said next
      /adapter NAME  lets another one answer; lists them without NAME
      /exit          ends the chat, as Ctrl-D does
      //TEXT         says /TEXT""";

  private final NamedAdapters models;
  private final Engine engine;
  private final AnswerOptions options;
  private final OutputOptions output;
  private final boolean interactive;
  private final List<ChatMessage> messages = new ArrayList<>();
  private final List<ImageSource> images = new ArrayList<>();
  private int shown; // of the images, those that a message has its place for
  private Optional<String> system;
  private int adapter;
  private volatile boolean answering;
  private volatile boolean interrupted;

  ChatSession(
      NamedAdapters models, Engine engine, AnswerOptions options, OutputOptions output, boolean interactive) {
    this.models = models;
    this.engine = engine;
    this.options = options;
    this.output = output;
    this.interactive = interactive;
    this.system = options.system;
    this.adapter = models.names().size() - 1;
  }

  /** Name of the base or the adapter that answers. */
  String speaker() {
    return models.names().get(adapter);
  }

  /** Ctrl-C: ends the answer that is being made. */
  void interrupt() {
    interrupted = true;
    if (!answering) {
      output.err().print(System.lineSeparator() + "/exit or Ctrl-D ends the chat" + System.lineSeparator() + "> ");
      output.err().flush();
    }
  }

  void run(BufferedReader in) throws IOException, InterruptedException {
    while (true) {
      if (interactive) {
        output.err().print("> ");
        output.err().flush();
      }
      String line = in.readLine();
      if (line == null || line.strip().equals("/exit")) {
        if (line == null && interactive) {
          output.err().println();
        }
        return;
      }
      if (line.startsWith("/") && !line.startsWith("//")) {
        obey(line.strip());
      } else if (!line.isBlank()) {
        turn(line.startsWith("//") ? line.substring(1) : line);
      }
    }
  }

  private void obey(String line) {
    String word = line.split("\\s", 2)[0];
    String rest = line.substring(word.length()).strip();
    switch (word) {
      case "/help" -> say(HELP);
      case "/image" -> show(rest);
      case "/reset" -> {
        begin();
        say("the conversation begins anew");
      }
      case "/system" -> {
        system = rest.isEmpty() ? Optional.empty() : Optional.of(rest);
        begin();
        say((rest.isEmpty() ? "no system message" : "the system message is set") + "; the conversation begins anew");
      }
      case "/adapter" -> choose(rest);
      default -> say(word + " is not a command; /help lists them, //TEXT says /TEXT");
    }
  }

  private void begin() {
    messages.clear();
    images.clear();
    shown = 0;
  }

  private void show(String file) {
    if (file.isEmpty()) {
      say("/image needs the file of an image");
      return;
    }
    try {
      ImageSource image = new ImageSource.ImageFile(Path.of(file), "");
      models.model().prompts().requireReadable(image);
      images.add(image);
      say(file + " is shown with what you say next");
    } catch (ImageException | InvalidPathException e) {
      say("thanora: " + e.getMessage());
    }
  }

  private void choose(String name) {
    int index = models.names().indexOf(name);
    if (index >= 0) {
      adapter = index;
      say(name + " answers");
    } else {
      say((name.isEmpty() ? "" : "adapter " + name + " does not exist; ") + "there are "
          + String.join(", ", models.names()) + (name.isEmpty() ? "; " + speaker() + " answers" : ""));
    }
  }

  /** What is asked for is said even where notes are not. */
  private void say(String text) {
    output.err().println(text);
    output.err().flush();
  }

  private void turn(String text) throws InterruptedException {
    String places = (ChatMessage.IMAGE + "\n").repeat(images.size() - shown);
    messages.add(new ChatMessage("user", places + text));
    Order order;
    try {
      order = options.order(models.model(), adapter, system, messages, images, messages.size());
    } catch (IllegalArgumentException | ImageException | TokenizerException | TemplateException e) {
      messages.remove(messages.size() - 1);
      say("thanora: " + e.getMessage() + (messages.isEmpty() ? "" : ", or begin anew with /reset"));
      return;
    }
    shown = images.size();
    answering = true;
    interrupted = false;
    try (Ticket ticket = engine.submit(List.of(order), Integer.MAX_VALUE)) {
      String answer = answer(ticket, text);
      messages.add(new ChatMessage("assistant", answer));
    } finally {
      answering = false;
    }
  }

  private String answer(Ticket ticket, String prompt) throws InterruptedException {
    StringBuilder answer = new StringBuilder();
    String end = "";
    while (!ticket.done() && !interrupted) {
      Piece piece = ticket.poll(100);
      if (piece != null) {
        answer.append(piece.text());
        end = piece.finish();
        if (!output.json) {
          output.out().print(interactive ? Terminal.printable(piece.text()) : piece.text());
          output.out().flush();
        }
      }
    }
    output.result(new TreeMap<>(Map.of("prompt", prompt, "answer", answer.toString())), "");
    if (end.equals("length")) {
      output.note("(cut after so many tokens as --max-new-tokens or the model's context allow)");
    }
    return answer.toString();
  }
}
