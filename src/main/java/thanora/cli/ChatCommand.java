package thanora.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import sun.misc.Signal;
import thanora.NamedAdapters;
import thanora.serve.Engine;

@Command(
    name = "chat",
    description = {
      "A conversation in the terminal; /help lists what it understands. Ctrl-C stops an answer.",
      "From a pipe every line is a turn, and every answer a line or more."
    },
    footer = {
      "",
      "Example: thanora chat --run runs/a",
      "         thanora chat --model demo --adapter sums=runs/a/adapter --system 'Answer in digits.'"
    })
final class ChatCommand implements Callable<Integer> {
  @Mixin private ModelOptions models;
  @Mixin private AnswerOptions options;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() throws IOException, InterruptedException {
    options.check();
    boolean interactive = Terminal.asks();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (NamedAdapters loaded = models.open(output); Engine engine = new Engine(loaded, 1, 1)) {
      ChatSession conversation = new ChatSession(loaded, engine, options, output, interactive);
      if (interactive) {
        onCtrlC(conversation);
      }
      output.note(conversation.speaker() + " answers; /help lists commands");
      conversation.run(in);
    }
    return 0;
  }

  private static void onCtrlC(ChatSession conversation) {
    try {
      Signal.handle(new Signal("INT"), received -> conversation.interrupt());
    } catch (IllegalArgumentException takenByJava) {
      // -Xrs: it ends the process as ever.
    }
  }
}
