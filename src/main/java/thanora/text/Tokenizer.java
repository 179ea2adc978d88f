package thanora.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A model's tokenizer: its own tokenizer.json, run by Hugging Face's tokenizers library.
 *
 * <p>Never cuts or pads, whatever the file says, and never touches the network. Safe to use from
 * several threads.
 */
public final class Tokenizer {
  static {
    // The library reports its use, looks for CUDA builds and may download them, unless told.
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("ai.djl.offline", "true");
    if (System.getProperty("RUST_FLAVOR") == null) {
      System.setProperty("RUST_FLAVOR", "cpu");
    }
  }

  private final String tokenizerJson;
  private final Vocabulary vocabulary;
  private final Special special;
  private final Optional<ChatTemplate> chatTemplate;
  private final HuggingFaceTokenizer tokenizer;

  private Tokenizer(String source, String tokenizerJson, Vocabulary vocabulary, Special special,
      Optional<String> chatTemplate) {
    this.tokenizerJson = tokenizerJson;
    this.vocabulary = vocabulary;
    this.special = special;
    this.tokenizer = load(source, tokenizerJson);
    this.chatTemplate = chatTemplate.map(template -> ChatTemplate.of(template, specialTokens()));
  }

  private Tokenizer(Tokenizer other, String chatTemplate) {
    this.tokenizerJson = other.tokenizerJson;
    this.vocabulary = other.vocabulary;
    this.special = other.special;
    this.tokenizer = other.tokenizer;
    this.chatTemplate = Optional.of(ChatTemplate.of(chatTemplate, specialTokens()));
  }

  /**
   * Reads tokenizer.json and, where present, tokenizer_config.json, special_tokens_map.json,
   * generation_config.json and chat_template.jinja of a folder.
   *
   * @throws TokenizerException if a file is missing, broken or contradicts another
   * @throws thanora.text.jinja.TemplateException if the chat template is not supported
   */
  public static Tokenizer of(Path folder) {
    TokenizerFolder files = new TokenizerFolder(folder);
    String json = files.tokenizerJson();
    String source = folder.resolve("tokenizer.json").toString();
    Vocabulary vocabulary = Vocabulary.of(json, source);
    return new Tokenizer(
        source, json, vocabulary, files.special(vocabulary), files.chatTemplate());
  }

  /**
   * A tokenizer from its parts, such as one rebuilt from a GGUF file.
   *
   * @throws TokenizerException if the JSON is broken or a special id is not in its vocabulary
   * @throws thanora.text.jinja.TemplateException if the chat template is not supported
   */
  public static Tokenizer of(
      String tokenizerJson, Special special, Optional<String> chatTemplate) {
    String source = "the tokenizer";
    Vocabulary vocabulary = Vocabulary.of(tokenizerJson, source);
    List<Integer> ids = new ArrayList<>(special.endIds());
    special.bos().ifPresent(ids::add);
    special.pad().ifPresent(ids::add);
    special.unknown().ifPresent(ids::add);
    for (int id : ids) {
      if (vocabulary.text(id).isEmpty()) {
        throw new TokenizerException("special id " + id + " is not one of the "
            + vocabulary.size() + " tokens; the model's metadata and tokenizer do not fit");
      }
    }
    return new Tokenizer(source, tokenizerJson, vocabulary, special, chatTemplate);
  }

  /**
   * The same tokenizer with another chat template.
   *
   * @throws thanora.text.jinja.TemplateException if the template is not supported
   */
  public Tokenizer withChatTemplate(String source) {
    return new Tokenizer(this, source);
  }

  private static HuggingFaceTokenizer load(String source, String json) {
    Map<String, String> options = new HashMap<>();
    options.put("truncation", "do_not_truncate");
    options.put("padding", "do_not_pad");
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    try {
      return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(bytes), options);
    } catch (IOException | RuntimeException | UnsatisfiedLinkError e) {
      throw new TokenizerException(
          source + " cannot be loaded: " + Vocabulary.firstLine(e.getMessage()), e);
    }
  }

  private Map<String, String> specialTokens() {
    Map<String, String> tokens = new HashMap<>();
    put(tokens, "bos_token", special.bos());
    put(tokens, "eos_token", special.eos());
    put(tokens, "pad_token", special.pad());
    put(tokens, "unk_token", special.unknown());
    return tokens;
  }

  private void put(Map<String, String> tokens, String name, OptionalInt id) {
    if (id.isPresent()) {
      tokens.put(name, vocabulary.text(id.getAsInt()).orElseThrow());
    }
  }

  /**
   * Ids of a text. Special tokens written in it, such as {@code <|im_end|>}, become their ids;
   * none is added.
   *
   * @throws TokenizerException if the text holds half of a surrogate pair
   */
  public int[] encode(String text) {
    return ids(encoding(text, false));
  }

  /** Ids of a text with the special tokens that tokenizer.json puts around it. */
  public int[] encodeWithSpecials(String text) {
    return ids(encoding(text, true));
  }

  /** As {@link #encode}, with the place of every token in the text. */
  public SpannedIds encodeWithSpans(String text) {
    Encoding encoding = encoding(text, false);
    // The library counts code points; an index of chars by code point translates.
    int[] charAt = new int[text.codePointCount(0, text.length()) + 1];
    for (int i = 1; i < charAt.length; i++) {
      charAt[i] = text.offsetByCodePoints(charAt[i - 1], 1);
    }
    List<Span> spans = new ArrayList<>();
    for (CharSpan span : encoding.getCharTokenSpans()) {
      spans.add(span == null
          ? new Span(0, 0)
          : new Span(charAt[span.getStart()], charAt[span.getEnd()]));
    }
    return new SpannedIds(ids(encoding), spans);
  }

  private Encoding encoding(String text, boolean addSpecials) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        boolean pair = Character.isHighSurrogate(c) && i + 1 < text.length()
            && Character.isLowSurrogate(text.charAt(i + 1));
        if (!pair) {
          throw new TokenizerException(
              "text holds half of a surrogate pair at char " + i + "; it is not valid Unicode");
        }
        i++;
      }
    }
    return tokenizer.encode(text, addSpecials, false);
  }

  private static int[] ids(Encoding encoding) {
    long[] wide = encoding.getIds();
    int[] ids = new int[wide.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = Math.toIntExact(wide[i]);
    }
    return ids;
  }

  /**
   * Text of ids.
   *
   * @param skipSpecial whether special tokens are left out
   * @throws TokenizerException if an id is not in the vocabulary
   */
  public String decode(int[] ids, boolean skipSpecial) {
    long[] wide = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      if (vocabulary.text(ids[i]).isEmpty()) {
        throw new TokenizerException(
            "id " + ids[i] + " is not one of the " + vocabulary.size() + " tokens");
      }
      wide[i] = ids[i];
    }
    return tokenizer.decode(wide, skipSpecial);
  }

  /** Largest id + 1: the rows that an embedding needs. */
  public int vocabularySize() {
    return vocabulary.size();
  }

  /** Whether the id is one of a token; ids below {@link #vocabularySize} may be none. */
  public boolean hasToken(int id) {
    return vocabulary.text(id).isPresent();
  }

  /** Whether the id is a special token, which {@link #decode} can leave out. */
  public boolean isSpecial(int id) {
    return vocabulary.isSpecial(id);
  }

  /** The id that begins a text. */
  public OptionalInt bos() {
    return special.bos();
  }

  /** The id that ends a text. */
  public OptionalInt eos() {
    return special.eos();
  }

  /** The id that fills a batch. */
  public OptionalInt pad() {
    return special.pad();
  }

  /** The ids at which generation stops. */
  public Set<Integer> endIds() {
    return special.endIds();
  }

  /** Whether {@link #encodeWithSpecials} begins with the bos. */
  public boolean addsBos() {
    int[] ids = encodeWithSpecials("a");
    return special.bos().isPresent() && ids.length > encode("a").length
        && ids[0] == special.bos().getAsInt();
  }

  /** The model's chat template. */
  public Optional<ChatTemplate> chatTemplate() {
    return chatTemplate;
  }

  /** The text of tokenizer.json, byte for byte. */
  public String tokenizerJson() {
    return tokenizerJson;
  }

  /**
   * SHA-256, in hex, of tokenizer.json and the chat template: what a prompt's ids depend on. Two
   * runs may share checkpoints only if it is the same.
   */
  public String sha256() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(tokenizerJson.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
      String template = chatTemplate.map(ChatTemplate::source).orElse("");
      return HexFormat.of().formatHex(digest.digest(template.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
