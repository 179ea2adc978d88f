package thanora.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A Hugging Face {@code tokenizer.json} from the metadata of a GGUF file.
 *
 * <p>Two kinds: {@code gpt2}, a byte-level BPE whose text split has a name in
 * {@code tokenizer.ggml.pre}; and {@code llama}, SentencePiece's BPE with bytes as a fallback.
 */
final class GgufTokenizer {
  private static final long NORMAL = 1;
  private static final long CONTROL = 3;
  private static final long USER_DEFINED = 4;

  private final GgufMetadata metadata;
  private final String kind;
  private final List<String> tokens;
  private final List<Long> types;
  private final Map<String, Integer> ids = new LinkedHashMap<>();

  GgufTokenizer(GgufMetadata metadata) {
    this.metadata = metadata;
    kind = metadata.text("tokenizer.ggml.model")
        .orElseThrow(() -> metadata.fault("has no tokenizer; give the Hugging Face folder"));
    tokens = metadata.list("tokenizer.ggml.tokens", String.class);
    List<Long> given = metadata.list("tokenizer.ggml.token_type", Long.class);
    types = given.isEmpty() ? Collections.nCopies(tokens.size(), NORMAL) : given;
    if (tokens.isEmpty() || types.size() != tokens.size()) {
      throw metadata.fault("has " + tokens.size() + " tokens and " + types.size() + " token types");
    }
    for (int id = 0; id < tokens.size(); id++) {
      Integer other = ids.putIfAbsent(tokens.get(id), id);
      if (other != null) {
        throw metadata.fault(
            "token '" + tokens.get(id) + "' has the two ids " + other + " and " + id);
      }
    }
  }

  String json() {
    return text(switch (kind) {
      case "gpt2" -> byteLevel();
      case "llama" -> sentencePiece();
      default -> throw metadata.fault("has tokenizer " + kind
          + ", which is not supported; use one of gpt2, llama");
    });
  }

  String configJson() {
    ObjectNode config = Json.MAPPER.createObjectNode();
    config.put("tokenizer_class", "PreTrainedTokenizerFast");
    config.put("add_bos_token", addsBos());
    config.put("clean_up_tokenization_spaces", false);
    config.put("model_max_length", metadata.size("context_length"));
    special("bos").ifPresent(token -> config.put("bos_token", token));
    special("eos").ifPresent(token -> config.put("eos_token", token));
    special("padding").ifPresent(token -> config.put("pad_token", token));
    special("unknown").ifPresent(token -> config.put("unk_token", token));
    metadata.text("tokenizer.chat_template")
        .ifPresent(template -> config.put("chat_template", template));
    return text(config);
  }

  private ObjectNode byteLevel() {
    GgufSplit split = GgufSplit.of(metadata);
    ObjectNode root = root();
    root.set("normalizer", split.normalizer());
    root.set("pre_tokenizer", split.preTokenizer());
    root.set("post_processor", postProcessor());
    root.set("decoder", GgufSplit.byteLevel(true));
    ObjectNode model = model(root, false);
    model.put("ignore_merges", split.ignoresMerges());
    addMerges(model, fileMerges());
    return root;
  }

  private ObjectNode sentencePiece() {
    ObjectNode root = root();
    ObjectNode normalizer = root.putObject("normalizer").put("type", "Sequence");
    ArrayNode steps = normalizer.putArray("normalizers");
    boolean prefix = metadata.flag("tokenizer.ggml.add_space_prefix").orElse(true);
    if (prefix) {
      steps.addObject().put("type", "Prepend").put("prepend", "\u2581");
    }
    replace(steps.addObject(), " ", "\u2581");
    root.putNull("pre_tokenizer");
    root.set("post_processor", postProcessor());
    ArrayNode decoders = root.putObject("decoder").put("type", "Sequence").putArray("decoders");
    replace(decoders.addObject(), "\u2581", " ");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    if (prefix) {
      decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
    ObjectNode model = model(root, true);
    special("unknown").ifPresent(token -> model.put("unk_token", token));
    List<String[]> merges = fileMerges();
    addMerges(model, merges.isEmpty() ? scoredMerges() : merges);
    return root;
  }

  private static void replace(ObjectNode node, String from, String to) {
    node.put("type", "Replace").put("content", to).putObject("pattern").put("String", from);
  }

  private ObjectNode root() {
    ObjectNode root = Json.MAPPER.createObjectNode();
    root.put("version", "1.0").putNull("truncation").putNull("padding");
    ArrayNode added = root.putArray("added_tokens");
    for (int id = 0; id < tokens.size(); id++) {
      boolean unknown = kind.equals("llama") && types.get(id) == 2;
      boolean special = types.get(id) == CONTROL || unknown;
      if (special || types.get(id) == USER_DEFINED) {
        added.addObject().put("id", id).put("content", tokens.get(id)).put("single_word", false)
            .put("lstrip", false).put("rstrip", false).put("normalized", false)
            .put("special", special);
      }
    }
    return root;
  }

  private ObjectNode model(ObjectNode root, boolean byteFallback) {
    ObjectNode model = root.putObject("model").put("type", "BPE").putNull("dropout");
    model.putNull("unk_token").putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    model.put("fuse_unk", byteFallback).put("byte_fallback", byteFallback)
        .put("ignore_merges", false);
    ObjectNode vocabulary = model.putObject("vocab");
    ids.forEach(vocabulary::put);
    return model;
  }

  private ObjectNode postProcessor() {
    ObjectNode processor = Json.MAPPER.createObjectNode().put("type", "TemplateProcessing");
    ArrayNode single = processor.putArray("single");
    ArrayNode pair = processor.putArray("pair");
    ObjectNode specials = processor.putObject("special_tokens");
    Optional<String> bos = addsBos() ? special("bos") : Optional.empty();
    bos.ifPresent(token -> {
      single.addObject().putObject("SpecialToken").put("id", token).put("type_id", 0);
      ObjectNode special = specials.putObject(token).put("id", token);
      special.putArray("ids").add(ids.get(token));
      special.putArray("tokens").add(token);
    });
    single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    pair.addAll(single);
    bos.ifPresent(token ->
        pair.addObject().putObject("SpecialToken").put("id", token).put("type_id", 1));
    pair.addObject().putObject("Sequence").put("id", "B").put("type_id", 1);
    return processor;
  }

  /** Files without the flag: llama.cpp adds it for SentencePiece and for Llama 3. */
  private boolean addsBos() {
    return metadata.flag("tokenizer.ggml.add_bos_token")
        .orElseGet(() -> kind.equals("llama") || GgufSplit.of(metadata) == GgufSplit.LLAMA3);
  }

  private Optional<String> special(String name) {
    String key = "tokenizer.ggml." + name + "_token_id";
    OptionalLong id = metadata.integer(key);
    if (id.isPresent() && id.getAsLong() >= tokens.size()) {
      throw metadata.fault(
          key + " is " + id.getAsLong() + ", the file has " + tokens.size() + " tokens");
    }
    return id.isPresent() ? Optional.of(tokens.get((int) id.getAsLong())) : Optional.empty();
  }

  private static void addMerges(ObjectNode model, List<String[]> merges) {
    ArrayNode array = model.putArray("merges");
    merges.forEach(merge -> array.addArray().add(merge[0]).add(merge[1]));
  }

  /** The merges the file lists: two tokens with a space between, whose union is a token too. */
  private List<String[]> fileMerges() {
    List<String> lines = metadata.list("tokenizer.ggml.merges", String.class);
    if (lines.isEmpty() && kind.equals("gpt2")) {
      throw metadata.fault("has a byte-level tokenizer without tokenizer.ggml.merges");
    }
    List<String[]> merges = new ArrayList<>(lines.size());
    for (String line : lines) {
      int space = line.indexOf(' ', 1);
      String left = space < 0 ? "" : line.substring(0, space);
      String right = space < 0 ? "" : line.substring(space + 1);
      if (!ids.containsKey(left) || !ids.containsKey(right) || !ids.containsKey(left + right)) {
        throw metadata.fault("merge '" + line + "' is not of two tokens that make a third");
      }
      merges.add(new String[] {left, right});
    }
    return merges;
  }

  private List<String[]> scoredMerges() {
    List<Float> scores = metadata.list("tokenizer.ggml.scores", Float.class);
    if (scores.size() != tokens.size()) {
      throw metadata.fault("has " + tokens.size() + " tokens and " + scores.size() + " scores");
    }
    Map<String, Integer> pieces = new LinkedHashMap<>();
    ids.forEach((token, id) -> {
      if (types.get(id) == NORMAL) {
        pieces.put(token, id);
      }
    });
    return ScoredMerges.of(pieces, scores);
  }

  private String text(ObjectNode node) {
    try {
      return Json.MAPPER.writeValueAsString(node);
    } catch (JsonProcessingException e) {
      throw metadata.fault("tokenizer cannot be written as JSON (" + e.getOriginalMessage() + ")");
    }
  }
}
