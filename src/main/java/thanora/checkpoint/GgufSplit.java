package thanora.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How text is split before byte-level BPE, by the name in {@code tokenizer.ggml.pre}.
 *
 * <p>Source of the expressions: the models' own {@code tokenizer.json}.
 */
enum GgufSplit {
  /** GPT-2's split, which is that of the ByteLevel pre-tokenizer itself. */
  GPT2("gpt-2", "default"),
  /** Every digit apart, then as GPT-2. */
  SMOLLM("smollm"),
  /** Up to three digits together; a word that is a token is not merged again. */
  LLAMA3("llama-bpe", "llama3", "llama-v3"),
  /** As Llama 3 with every digit apart, after normalisation to NFC. */
  QWEN2("qwen2");

  private static final String CASELESS =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
  private static final String REST =
      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private final List<String> names;

  GgufSplit(String... names) {
    this.names = List.of(names);
  }

  /** The split of a file; without a name GPT-2's. */
  static GgufSplit of(GgufMetadata metadata) {
    String name = metadata.text("tokenizer.ggml.pre").orElse("default");
    return Arrays.stream(values()).filter(split -> split.names.contains(name)).findFirst()
        .orElseThrow(() -> metadata.fault("splits text as '" + name
            + "', which is not known; known are gpt-2, smollm, llama-bpe and qwen2"));
  }

  /**
   * The split of a tokenizer.
   *
   * @param source what the message begins with
   * @param tokenizer its tokenizer.json
   * @throws CheckpointException if it is none of these
   */
  static GgufSplit of(String source, ObjectNode tokenizer) {
    return Arrays.stream(values()).filter(split -> split.isThatOf(tokenizer)).findFirst()
        .orElseThrow(() -> {
          List<JsonNode> steps = steps(tokenizer.path("normalizer"), "normalizers");
          steps.addAll(steps(tokenizer.path("pre_tokenizer"), "pretokenizers"));
          return unknown(source, steps);
        });
  }

  static CheckpointException unknown(String source, List<JsonNode> steps) {
    return new CheckpointException(source + ": the tokenizer splits text by "
        + (steps.isEmpty() ? "nothing" : steps.toString().replaceAll("\\s+", " "))
        + ", for which no name in GGUF files is known; write a Hugging Face folder and convert it with"
        + " llama.cpp's convert_hf_to_gguf.py");
  }

  private boolean isThatOf(ObjectNode tokenizer) {
    return rules(steps(tokenizer.path("normalizer"), "normalizers")).equals(rules(steps(normalizer(), "")))
        && rules(steps(tokenizer.path("pre_tokenizer"), "pretokenizers"))
            .equals(rules(steps(preTokenizer(), "pretokenizers")))
        && tokenizer.path("model").path("ignore_merges").asBoolean() == ignoresMerges();
  }

  /** The steps of a normalizer, pre-tokenizer or post-processor: of a sequence, or itself. */
  static List<JsonNode> steps(JsonNode node, String of) {
    List<JsonNode> steps = new ArrayList<>();
    if (node.path("type").asText().equals("Sequence")) {
      node.path(of).forEach(steps::add);
    } else if (node.isObject()) {
      steps.add(node);
    }
    return steps;
  }

  /** What steps do, without what makes no difference or has its usual value. */
  private static List<String> rules(List<JsonNode> steps) {
    return steps.stream().map(step -> step.path("type").asText() + switch (step.path("type").asText()) {
      case "Digits" -> step.path("individual_digits").asBoolean();
      case "Split" -> step.path("pattern") + step.path("behavior").asText() + step.path("invert").asBoolean();
      case "ByteLevel" -> step.path("add_prefix_space").asBoolean(true) + " " + step.path("use_regex").asBoolean(true);
      case "NFC" -> "";
      default -> step.toString();
    }).toList();
  }

  /** The name in {@code tokenizer.ggml.pre}. */
  String ggufName() {
    return names.get(0);
  }

  boolean ignoresMerges() {
    return this == LLAMA3;
  }

  JsonNode normalizer() {
    return this == QWEN2 ? Json.MAPPER.createObjectNode().put("type", "NFC") : NullNode.instance;
  }

  ObjectNode preTokenizer() {
    if (this == GPT2) {
      return byteLevel(true);
    }
    ObjectNode sequence = Json.MAPPER.createObjectNode().put("type", "Sequence");
    ArrayNode steps = sequence.putArray("pretokenizers");
    if (this == SMOLLM) {
      steps.addObject().put("type", "Digits").put("individual_digits", true);
      steps.add(byteLevel(true));
      return sequence;
    }
    ObjectNode split = steps.addObject().put("type", "Split");
    split.putObject("pattern")
        .put("Regex", CASELESS + (this == LLAMA3 ? "\\p{N}{1,3}" : "\\p{N}") + REST);
    split.put("behavior", "Isolated").put("invert", false);
    steps.add(byteLevel(false));
    return sequence;
  }

  /** Bytes as printable characters, with GPT-2's split or without. */
  static ObjectNode byteLevel(boolean split) {
    return Json.MAPPER.createObjectNode().put("type", "ByteLevel").put("add_prefix_space", false)
        .put("trim_offsets", true).put("use_regex", split);
  }
}
