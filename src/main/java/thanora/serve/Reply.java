package thanora.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import thanora.text.Tokenizer;

/** The JSON of a job's texts: whole, or a piece at a time. */
final class Reply {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final Job job;
  private final Tokenizer tokenizer;
  private final String id;
  private final long created = Instant.now().getEpochSecond();
  private final List<Text> texts = new ArrayList<>();

  /** One of the texts so far. */
  private static final class Text {
    private final StringBuilder text = new StringBuilder();
    private final List<Piece.Logprob> logprobs = new ArrayList<>();
    private int tokens;
    private String finish = "";
  }

  Reply(Job job, Tokenizer tokenizer) {
    this.job = job;
    this.tokenizer = tokenizer;
    this.id = (job.chat() ? "chatcmpl-" : "cmpl-") + UUID.randomUUID().toString().replace("-", "");
    job.orders().forEach(order -> texts.add(new Text()));
  }

  /** Adds a piece to its text; returns it as an event of a stream. */
  ObjectNode add(Piece piece) {
    Text text = texts.get(piece.index());
    int offset = text.text.length();
    text.text.append(piece.text());
    text.logprobs.addAll(piece.logprobs());
    text.tokens = piece.tokens();
    text.finish = piece.finish();
    ObjectNode choice = JSON.objectNode().put("index", piece.index());
    if (job.chat()) {
      ObjectNode delta = choice.putObject("delta");
      if (!piece.text().isEmpty()) {
        delta.put("content", piece.text());
      }
    } else {
      choice.put("text", piece.text());
    }
    finish(choice, piece.logprobs(), offset, piece.finish());
    return event(choice);
  }

  /** The events that open the texts of a chat. */
  List<ObjectNode> openings() {
    List<ObjectNode> openings = new ArrayList<>();
    for (int i = 0; job.chat() && i < texts.size(); i++) {
      ObjectNode choice = JSON.objectNode().put("index", i);
      choice.putObject("delta").put("role", "assistant").put("content", "");
      finish(choice, List.of(), 0, "");
      openings.add(event(choice));
    }
    return openings;
  }

  private ObjectNode event(ObjectNode choice) {
    ObjectNode event = head(job.chat() ? "chat.completion.chunk" : "text_completion");
    event.putArray("choices").add(choice);
    if (job.usage()) {
      event.putNull("usage");
    }
    return event;
  }

  /** The event with the number of tokens. */
  ObjectNode usageEvent() {
    ObjectNode event = head(job.chat() ? "chat.completion.chunk" : "text_completion");
    event.putArray("choices");
    event.set("usage", usage());
    return event;
  }

  /** All texts. */
  ObjectNode whole() {
    ObjectNode whole = head(job.chat() ? "chat.completion" : "text_completion");
    ArrayNode choices = whole.putArray("choices");
    for (int i = 0; i < texts.size(); i++) {
      Text text = texts.get(i);
      ObjectNode choice = choices.addObject().put("index", i);
      if (job.chat()) {
        choice.putObject("message").put("role", "assistant").put("content", text.text.toString()).putNull("refusal");
      } else {
        choice.put("text", text.text.toString());
      }
      finish(choice, text.logprobs, 0, text.finish);
    }
    whole.set("usage", usage());
    return whole;
  }

  private ObjectNode head(String object) {
    return JSON.objectNode().put("id", id).put("object", object).put("created", created).put("model", job.model());
  }

  private ObjectNode usage() {
    int made = tokens();
    return JSON.objectNode().put("prompt_tokens", job.promptTokens()).put("completion_tokens", made)
        .put("total_tokens", job.promptTokens() + made);
  }

  /** Tokens generated so far. */
  int tokens() {
    return texts.stream().mapToInt(text -> text.tokens).sum();
  }

  private void finish(ObjectNode choice, List<Piece.Logprob> logprobs, int offset, String finish) {
    if (job.orders().get(0).topLogprobs() < 0) {
      choice.putNull("logprobs");
    } else if (job.chat()) {
      ArrayNode content = choice.putObject("logprobs").putArray("content");
      logprobs.forEach(each -> {
        ObjectNode token = token(each);
        ArrayNode top = token.putArray("top_logprobs");
        each.top().forEach(likely -> top.add(token(likely)));
        content.add(token);
      });
    } else {
      choice.set("logprobs", lists(logprobs, offset));
    }
    choice.put("finish_reason", finish.isEmpty() ? null : finish);
  }

  private ObjectNode token(Piece.Logprob logprob) {
    String text = text(logprob.id());
    ObjectNode token = JSON.objectNode().put("token", text).put("logprob", logprob.logprob());
    if (text.indexOf('\uFFFD') >= 0) {
      token.putNull("bytes"); // a part of a character
    } else {
      ArrayNode bytes = token.putArray("bytes");
      for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
        bytes.add(b & 0xFF);
      }
    }
    return token;
  }

  /** The text that a token adds behind another: some decoders take a blank off the first of a text. */
  private String text(int id) {
    return tokenizer.decode(new int[] {id, id}, false)
        .substring(tokenizer.decode(new int[] {id}, false).length());
  }

  private ObjectNode lists(List<Piece.Logprob> logprobs, int offset) {
    ObjectNode lists = JSON.objectNode();
    ArrayNode tokens = lists.putArray("tokens");
    ArrayNode values = lists.putArray("token_logprobs");
    ArrayNode tops = lists.putArray("top_logprobs");
    ArrayNode offsets = lists.putArray("text_offset");
    int at = offset;
    for (Piece.Logprob each : logprobs) {
      String text = text(each.id());
      tokens.add(text);
      values.add(each.logprob());
      ObjectNode top = tops.addObject();
      each.top().forEach(likely -> top.put(text(likely.id()), likely.logprob()));
      offsets.add(at);
      at += text.length();
    }
    return lists;
  }
}
