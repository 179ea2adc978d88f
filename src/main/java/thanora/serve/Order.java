package thanora.serve;

import java.util.List;
import thanora.model.Prompt;
import thanora.model.Sampling;

/**
 * A text to be generated.
 *
 * @param model 0 for the base, i for the i-th adapter
 * @param prompt token ids, at least one, with what their image tokens stand for
 * @param maxTokens tokens generated at most, the one that ends an answer included
 * @param seed of what is drawn
 * @param stops strings that the text ends before
 * @param topLogprobs likeliest tokens reported beside each token; −1 to report nothing of tokens
 */
public record Order(
    int model, Prompt prompt, int maxTokens, Sampling sampling, long seed, List<String> stops, int topLogprobs) {
  /** The most likely tokens, to the end of the answer. */
  public static Order greedy(int model, int[] prompt, int maxTokens) {
    return new Order(model, new Prompt(prompt), maxTokens, Sampling.GREEDY, 0, List.of(), -1);
  }
}
