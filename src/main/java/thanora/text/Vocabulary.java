package thanora.text;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The tokens of a tokenizer.json by id and by text.
 *
 * <p>Refuses what would silently change the meaning of ids: two tokens with one id, one token with
 * two ids, ids outside of [0, 16 million).
 */
final class Vocabulary {
  private static final int MAX_ID = 16_000_000;
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  private final Map<Integer, String> textById = new HashMap<>();
  private final Map<String, Integer> idByText = new HashMap<>();
  private final Set<Integer> special = new HashSet<>();
  private int size;

  private Vocabulary() {}

  static Vocabulary of(String tokenizerJson, String source) {
    JsonNode root = parse(tokenizerJson, source);
    JsonNode vocab = root.path("model").path("vocab");
    Vocabulary vocabulary = new Vocabulary();
    if (vocab.isObject()) {
      vocab.fields().forEachRemaining(e -> vocabulary.add(e.getKey(), e.getValue(), source));
    } else if (vocab.isArray()) {
      // Unigram: a list of [token, score]; the place is the id.
      for (int i = 0; i < vocab.size(); i++) {
        vocabulary.add(vocab.get(i).path(0).asText(), JSON.valueToTree(i), source);
      }
    } else {
      throw new TokenizerException(source + " has no model.vocab; it is not a tokenizer.json");
    }
    for (JsonNode token : root.path("added_tokens")) {
      vocabulary.add(token.path("content").asText(), token.path("id"), source);
      if (token.path("special").asBoolean()) {
        vocabulary.special.add(token.path("id").intValue());
      }
    }
    return vocabulary;
  }

  static JsonNode parse(String json, String source) {
    if (json.startsWith("version https://git-lfs")) {
      throw new TokenizerException(
          source + " is a Git LFS pointer; fetch the file with git lfs pull");
    }
    try {
      JsonNode root = JSON.readTree(json);
      if (root != null && root.isObject()) {
        return root;
      }
      throw new TokenizerException(source + " is not a JSON object; fetch the file again");
    } catch (JsonProcessingException e) {
      String place = e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr();
      throw new TokenizerException(
          source + " is broken JSON" + place + ": " + firstLine(e.getOriginalMessage()), e);
    }
  }

  static String firstLine(String message) {
    return message == null ? "no reason given" : message.strip().split("\\R", 2)[0];
  }

  private void add(String text, JsonNode number, String source) {
    if (!number.isInt() || number.intValue() < 0 || number.intValue() >= MAX_ID) {
      throw new TokenizerException(
          source + ": id " + number + " of token '" + text + "' is not in [0, " + MAX_ID + ")");
    }
    int id = number.intValue();
    String other = textById.putIfAbsent(id, text);
    Integer before = idByText.putIfAbsent(text, id);
    if (other != null && !other.equals(text)) {
      throw new TokenizerException(
          source + ": id " + id + " belongs to both '" + other + "' and '" + text + "'");
    }
    if (before != null && before != id) {
      throw new TokenizerException(
          source + ": token '" + text + "' has two ids, " + before + " and " + id);
    }
    size = Math.max(size, id + 1);
  }

  /** Largest id + 1. */
  int size() {
    return size;
  }

  OptionalInt id(String text) {
    Integer id = idByText.get(text);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  Optional<String> text(int id) {
    return Optional.ofNullable(textById.get(id));
  }

  boolean isSpecial(int id) {
    return special.contains(id);
  }
}
