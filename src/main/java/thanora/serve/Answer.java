package thanora.serve;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Decoder;
import thanora.model.Reading;
import thanora.tensor.Tensors;
import thanora.text.StopStrings;
import thanora.text.TextStream;
import thanora.text.Tokenizer;

/** A text while it is generated: what the model has still to read, what has been made, what is held back. */
final class Answer implements AutoCloseable {
  final Order order;
  final Ticket ticket;
  private final int index;
  private final Tokenizer tokenizer;
  private final Set<Integer> ends;
  private final TextStream stream;
  private final StopStrings stops;
  private final SplittableRandom random;
  private final Map<Integer, Integer> counts = new HashMap<>();
  private final List<Entry> entries = new ArrayList<>();
  private Reading reading;
  private int[] unread;
  private int made;
  private int decoded; // chars of all tokens so far, held ones included
  private int given; // chars given out

  /** A token's log p, and the chars of the text that it begins and ends at. */
  private record Entry(Piece.Logprob logprob, int start, int end) {}

  Answer(Order order, Ticket ticket, int index, Tokenizer tokenizer, Set<Integer> ends) {
    this.order = order;
    this.ticket = ticket;
    this.index = index;
    this.tokenizer = tokenizer;
    this.ends = ends;
    this.stream = new TextStream(tokenizer);
    this.stops = new StopStrings(order.stops());
    this.random = new SplittableRandom(order.seed());
    this.unread = order.prompt().ids();
  }

  /** Tokens that the model has not read yet. */
  int unread() {
    return unread.length;
  }

  /** Takes so many of them out, to be read now. */
  int[] take(int tokens) {
    int[] now = Arrays.copyOf(unread, tokens);
    unread = Arrays.copyOfRange(unread, tokens, unread.length);
    return now;
  }

  Reading reading(Decoder model) {
    if (reading == null) {
      reading = model.open(order.model(), order.prompt().images());
    }
    return reading;
  }

  /**
   * Goes on by a token; returns whether the text ends with it.
   *
   * @param logits (V) behind all that was read
   * @param best the token of the largest
   */
  boolean advance(Tensor logits, int best) {
    boolean asked = order.topLogprobs() >= 0;
    float[] values = asked || !order.sampling().isGreedy() ? Tensors.floats(logits) : null;
    double logSum = asked ? logSum(values) : 0;
    List<Piece.Logprob> top = asked ? top(values, logSum) : List.of();
    float[] raw = asked ? values.clone() : null;
    int token = order.sampling().isGreedy() ? best : draw(values);
    made++;
    boolean ended = ends.contains(token);
    String text = ended ? "" : stream.next(token);
    if (asked && !ended) {
      entries.add(new Entry(
          new Piece.Logprob(token, raw[token] - logSum, top), decoded, decoded + text.length()));
    }
    decoded += text.length();
    String out = stops.next(text);
    boolean full = made >= order.maxTokens();
    if (ended || full || stops.stopped()) {
      finish(out, ended || stops.stopped() ? "stop" : "length");
      return true;
    }
    counts.merge(token, 1, Integer::sum);
    unread = new int[] {token};
    give(out, "");
    return false;
  }

  private int draw(float[] values) {
    for (int id = 0; id < values.length; id++) {
      if (!tokenizer.hasToken(id)) {
        values[id] = Float.NEGATIVE_INFINITY; // rows of the embedding beyond the vocabulary
      }
    }
    return order.sampling().next(values, counts, random.nextDouble());
  }

  /** Ends the text early, with all that was made. */
  void cut() {
    finish("", "length");
  }

  private void finish(String out, String reason) {
    String rest = stops.stopped() ? "" : stops.next(stream.end()) + stops.end();
    give(out + rest, reason);
  }

  private void give(String text, String finish) {
    given += text.length();
    List<Piece.Logprob> logprobs = new ArrayList<>();
    while (!entries.isEmpty() && (entries.get(0).end <= given || !finish.isEmpty() && entries.get(0).start < given)) {
      logprobs.add(entries.remove(0).logprob);
    }
    if (!text.isEmpty() || !logprobs.isEmpty() || !finish.isEmpty()) {
      ticket.put(new Piece(index, text, made, logprobs, finish));
    }
  }

  private static double logSum(float[] logits) {
    double most = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      most = Math.max(most, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - most);
    }
    return most + Math.log(sum);
  }

  private List<Piece.Logprob> top(float[] logits, double logSum) {
    List<Integer> best = new ArrayList<>();
    for (int id = 0; id < logits.length && order.topLogprobs() > 0; id++) {
      boolean full = best.size() == order.topLogprobs();
      if (!(full && logits[id] <= logits[best.get(best.size() - 1)]) && tokenizer.hasToken(id)) {
        int at = best.size();
        while (at > 0 && logits[best.get(at - 1)] < logits[id]) {
          at--;
        }
        best.add(at, id);
        if (full) {
          best.remove(best.size() - 1);
        }
      }
    }
    return best.stream().map(id -> new Piece.Logprob(id, logits[id] - logSum, List.of())).toList();
  }

  @Override
  public void close() {
    if (reading != null) {
      reading.close();
    }
  }
}
