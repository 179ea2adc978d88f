package thanora.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The tokenizer files of a Hugging Face folder.
 *
 * <p>Special tokens come from tokenizer_config.json, then special_tokens_map.json; end ids from
 * these and generation_config.json; the template from chat_template.jinja, then chat_template.json and
 * processor_config.json, where older models with images have it, then tokenizer_config.json.
 */
final class TokenizerFolder {
  private static final long MAX_BYTES = 256L << 20;
  private final Path folder;
  private final Optional<JsonNode> config;
  private final Optional<JsonNode> map;

  TokenizerFolder(Path folder) {
    this.folder = folder;
    this.config = json("tokenizer_config.json");
    this.map = json("special_tokens_map.json");
  }

  String tokenizerJson() {
    return text("tokenizer.json").orElseThrow(() -> new TokenizerException(
        folder + " has no tokenizer.json; give a Hugging Face folder that has one"));
  }

  Special special(Vocabulary vocabulary) {
    OptionalInt eos = id("eos_token", vocabulary, true);
    Set<Integer> ends = new HashSet<>();
    json("generation_config.json").ifPresent(generation -> {
      JsonNode ids = generation.path("eos_token_id");
      for (JsonNode id : ids.isArray() ? ids : Set.of(ids)) {
        if (id.isInt() && vocabulary.text(id.intValue()).isPresent()) {
          ends.add(id.intValue());
        }
      }
    });
    return new Special(id("bos_token", vocabulary, true), eos,
        id("pad_token", vocabulary, false), id("unk_token", vocabulary, false), ends);
  }

  private OptionalInt id(String role, Vocabulary vocabulary, boolean required) {
    Optional<String> token = config.flatMap(json -> token(json.path(role)))
        .or(() -> map.flatMap(json -> token(json.path(role))));
    if (token.isEmpty()) {
      return OptionalInt.empty();
    }
    OptionalInt id = vocabulary.id(token.get());
    if (id.isEmpty() && required) {
      throw new TokenizerException(folder + ": " + role + " '" + token.get()
          + "' is not a token of tokenizer.json; the two files do not belong together");
    }
    return id;
  }

  private static Optional<String> token(JsonNode node) {
    JsonNode text = node.isObject() ? node.path("content") : node;
    return text.isTextual() && !text.textValue().isEmpty()
        ? Optional.of(text.textValue())
        : Optional.empty();
  }

  Optional<String> chatTemplate() {
    return text("chat_template.jinja")
        .or(() -> json("chat_template.json").flatMap(json -> template(json.path("chat_template"))))
        .or(() -> json("processor_config.json").flatMap(json -> template(json.path("chat_template"))))
        .or(() -> config.flatMap(json -> template(json.path("chat_template"))));
  }

  /** A template, or the default one of a list of named templates. */
  private static Optional<String> template(JsonNode node) {
    if (node.isArray()) {
      for (JsonNode named : node) {
        if (named.path("name").asText().equals("default")) {
          return template(named.path("template"));
        }
      }
    }
    return node.isTextual() ? Optional.of(node.textValue()) : Optional.empty();
  }

  private Optional<JsonNode> json(String name) {
    return text(name).map(text -> Vocabulary.parse(text, folder.resolve(name).toString()));
  }

  private Optional<String> text(String name) {
    Path file = folder.resolve(name);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new TokenizerException(file + " is larger than " + (MAX_BYTES >> 20) + " MiB");
      }
      return Optional.of(Files.readString(file));
    } catch (CharacterCodingException e) {
      throw new TokenizerException(file + " is not UTF-8 text; fetch the file again", e);
    } catch (IOException e) {
      throw new TokenizerException(file + " cannot be read: " + e.getMessage(), e);
    }
  }
}
