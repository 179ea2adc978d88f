package thanora.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * The tokenizer's metadata of a GGUF file from a {@code tokenizer.json}: the way back is {@link
 * GgufTokenizer}.
 *
 * <p>The name of the text split is found by what {@code tokenizer.json} says of it, where llama.cpp's
 * converter compares the ids of a text: a tokenizer of one's own that splits as a known one is known,
 * too. Types of tokens, special ids and merges as in {@code get_vocab_base} of convert_hf_to_gguf.py
 * and {@code SpecialVocab} of gguf-py.
 */
final class GgufVocabulary {
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;
  private static final int BYTE = 6;

  private static final String SPACE = "\u2581";
  private static final Pattern BYTE_TOKEN = Pattern.compile("<0x[0-9A-Fa-f]{2}>");

  /** Added tokens that count as control tokens whatever the tokenizer says of them. */
  private static final Pattern LOOKS_SPECIAL =
      Pattern.compile("<pad>|<mask>|<2mass>|\\[@BOS@]|<\\|.*\\|>|<\uff5c.*\uff5c>|<unused.*>", Pattern.DOTALL);

  private final ObjectNode tokenizer;
  private final ObjectNode tokenizerConfig;
  private final JsonNode config;
  private final JsonNode model;
  private final Map<String, Integer> ids = new HashMap<>();
  private final List<String> tokens = new ArrayList<>();
  private final List<Integer> types = new ArrayList<>();

  /**
   * Looks at a tokenizer.
   *
   * @param source what messages begin with
   * @throws CheckpointException if llama.cpp has no such tokenizer
   */
  GgufVocabulary(String source, String json, Optional<String> configJson, JsonNode config) {
    tokenizer = Json.object(source + ": tokenizer.json", json);
    tokenizerConfig = configJson.map(text -> Json.object(source + ": tokenizer_config.json", text))
        .orElseGet(Json.MAPPER::createObjectNode);
    this.config = config;
    model = tokenizer.path("model");
    if (!model.path("type").asText().equals("BPE")) {
      throw new CheckpointException(source + ": the tokenizer is a " + model.path("type").asText("nameless")
          + " model, GGUF files are written with BPE only; write a Hugging Face folder");
    }
    model.path("vocab").fields().forEachRemaining(entry -> ids.put(entry.getKey(), entry.getValue().asInt()));
    tokenizer.path("added_tokens").forEach(token -> ids.put(token.path("content").asText(), token.path("id").asInt()));
    listTokens(source);
  }

  private void listTokens(String source) {
    int size = config.path("vocab_size").asInt();
    Map<Integer, String> byId = new HashMap<>();
    ids.forEach((token, id) -> byId.put(id, token));
    Map<Integer, JsonNode> added = new HashMap<>();
    tokenizer.path("added_tokens").forEach(token -> added.put(token.path("id").asInt(), token));
    for (int id = 0; id < size; id++) {
      String token = byId.remove(id);
      int type = token == null ? UNUSED : type(token, Optional.ofNullable(added.get(id)));
      tokens.add(token == null ? "[PAD" + id + "]" : type == USER_DEFINED ? token.replace(SPACE, " ") : token);
      types.add(type);
    }
    if (!byId.isEmpty()) {
      throw new CheckpointException(source + ": token '" + byId.values().iterator().next()
          + "' has an id beyond vocab_size " + size + "; tokenizer and config are of different models");
    }
  }

  private int type(String token, Optional<JsonNode> added) {
    boolean bytes = model.path("byte_fallback").asBoolean();
    if (bytes && token.equals(model.path("unk_token").asText(null))) {
      return UNKNOWN;
    }
    if (added.isPresent()) {
      boolean special = added.get().path("special").asBoolean() || LOOKS_SPECIAL.matcher(token).matches();
      return special ? CONTROL : USER_DEFINED;
    }
    return bytes && BYTE_TOKEN.matcher(token).matches() ? BYTE : NORMAL;
  }

  /** Adds the keys of the tokenizer. */
  void addTo(GgufValues keys, String source, Optional<String> chatTemplate) {
    if (model.path("byte_fallback").asBoolean()) {
      boolean prefix = prefixesSpace(source);
      keys.text("tokenizer.ggml.model", "llama").text("tokenizer.ggml.pre", "default");
      addTokens(keys);
      keys.numbers("tokenizer.ggml.scores", scores());
      keys.flag("tokenizer.ggml.add_space_prefix", prefix);
    } else {
      String split = GgufSplit.of(source, tokenizer).ggufName();
      keys.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", split);
      addTokens(keys);
      keys.texts("tokenizer.ggml.merges", merges().stream()
          .map(pair -> coded(pair[0]) + " " + coded(pair[1])).toList());
    }
    special("bos").ifPresent(id -> keys.integer("tokenizer.ggml.bos_token_id", id));
    special("eos").ifPresent(id -> keys.integer("tokenizer.ggml.eos_token_id", id));
    special("unk").ifPresent(id -> keys.integer("tokenizer.ggml.unknown_token_id", id));
    special("pad").ifPresent(id -> keys.integer("tokenizer.ggml.padding_token_id", id));
    keys.flag("tokenizer.ggml.add_bos_token", addsBos());
    chatTemplate.ifPresent(template -> keys.text("tokenizer.chat_template", template));
  }

  private void addTokens(GgufValues keys) {
    keys.texts("tokenizer.ggml.tokens", tokens);
    keys.integers("tokenizer.ggml.token_type", types);
  }

  /** Spaces within a part of a merge would be taken for the space between the parts. */
  private static String coded(String part) {
    return part.replace(' ', '\u0120');
  }

  private List<String[]> merges() {
    List<String[]> merges = new ArrayList<>();
    for (JsonNode merge : model.path("merges")) {
      merges.add(merge.isArray()
          ? new String[] {merge.path(0).asText(), merge.path(1).asText()} : merge.asText().split(" ", 2));
    }
    return merges;
  }

  /**
   * SentencePiece's scores: the sooner a piece is merged, the higher, from 0 down; pieces that are not
   * merged come last. The scores of a real one are these too, as its pieces are in the order of merging.
   */
  private List<Float> scores() {
    Map<String, Float> found = new HashMap<>();
    for (String[] merge : merges()) {
      found.putIfAbsent(merge[0] + merge[1], (float) -found.size());
    }
    List<Float> scores = new ArrayList<>();
    int last = found.size();
    for (int id = 0; id < tokens.size(); id++) {
      boolean piece = types.get(id) == NORMAL;
      scores.add(!piece ? 0f : found.containsKey(tokens.get(id)) ? found.get(tokens.get(id)) : (float) -last++);
    }
    return scores;
  }

  /**
   * Whether a space is put before the text: a step that prepends it, or Metaspace's.
   *
   * @throws CheckpointException if text is prepared in another way than SentencePiece's
   */
  private boolean prefixesSpace(String source) {
    boolean prefix = false;
    List<JsonNode> steps = GgufSplit.steps(tokenizer.path("normalizer"), "normalizers");
    steps.addAll(GgufSplit.steps(tokenizer.path("pre_tokenizer"), "pretokenizers"));
    boolean replaces = false;
    for (JsonNode step : steps) {
      switch (step.path("type").asText()) {
        case "Prepend" -> prefix |= step.path("prepend").asText().equals(SPACE);
        case "Replace" -> replaces |= step.path("content").asText().equals(SPACE);
        case "Metaspace" -> {
          replaces = true;
          prefix |= !step.path("prepend_scheme").asText("always").equals("never")
              && step.path("add_prefix_space").asBoolean(true);
        }
        default -> throw GgufSplit.unknown(source, steps);
      }
    }
    if (!replaces) {
      throw GgufSplit.unknown(source, steps);
    }
    return prefix;
  }

  /** The id of a special token: of tokenizer_config.json, else of config.json. */
  private OptionalInt special(String name) {
    JsonNode entry = tokenizerConfig.path(name + "_token");
    Integer id = ids.get(entry.isObject() ? entry.path("content").asText() : entry.asText(""));
    JsonNode stated = config.path(name + "_token_id");
    return id != null ? OptionalInt.of(id) : stated.isInt() ? OptionalInt.of(stated.asInt()) : OptionalInt.empty();
  }

  /** What tokenizer_config.json says, else whether the tokenizer's template begins with it. */
  private boolean addsBos() {
    if (tokenizerConfig.path("add_bos_token").isBoolean()) {
      return tokenizerConfig.path("add_bos_token").booleanValue();
    }
    OptionalInt bos = special("bos");
    for (JsonNode step : GgufSplit.steps(tokenizer.path("post_processor"), "processors")) {
      Integer first = ids.get(step.path("single").path(0).path("SpecialToken").path("id").asText(""));
      if (first != null && bos.isPresent() && first == bos.getAsInt()) {
        return true;
      }
    }
    return false;
  }
}
