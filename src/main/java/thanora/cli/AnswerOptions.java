package thanora.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;
import thanora.LoadedModel;
import thanora.image.ImageSource;
import thanora.model.Prompt;
import thanora.model.Sampling;
import thanora.serve.Order;
import thanora.text.ChatMessage;

/** How answers are made. */
final class AnswerOptions {
  @Option(names = "--system", paramLabel = "TEXT", description = "What the system message says; none if not given.")
  Optional<String> system = Optional.empty();

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      description = "Most tokens of an answer; ${DEFAULT-VALUE}.")
  private int maxNewTokens = 128;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "0 takes the most likely token, 1 draws as the model says; ${DEFAULT-VALUE}.")
  private double temperature = 0;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Draw from the likeliest tokens that come to P; ${DEFAULT-VALUE}, all of them.")
  private double topP = 1;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of what is drawn; ${DEFAULT-VALUE}.")
  private long seed = 0;

  /** Refuses values without meaning, before anything is loaded. */
  void check() {
    if (maxNewTokens < 1) {
      throw new IllegalArgumentException(
          "--max-new-tokens " + maxNewTokens + " is smaller than 1; give 1 or more");
    }
    sampling();
  }

  private Sampling sampling() {
    try {
      return Sampling.of(temperature, topP);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("--" + e.getMessage().replace("top_p", "top-p") + "; give such a number");
    }
  }

  /**
   * The order of the answer to a conversation.
   *
   * @param messages those after the system's
   * @param images in the order of their places in the messages
   * @param index of the answer, so that each draws its own
   * @throws IllegalArgumentException if the conversation fills the context
   * @throws thanora.image.ImageException if there are not as many images as places, or one is missing
   */
  Order order(LoadedModel model, int adapter, Optional<String> systemText, List<ChatMessage> messages,
      List<ImageSource> images, int index) {
    List<ChatMessage> all = new ArrayList<>();
    systemText.ifPresent(text -> all.add(new ChatMessage("system", text)));
    all.addAll(messages);
    Prompt prompt = model.prompts().conversation(all, Map.of(), images);
    int most = Math.min(maxNewTokens, model.room(prompt.ids()));
    return new Order(adapter, prompt, most, sampling(), seed + index, List.of(), -1);
  }
}
