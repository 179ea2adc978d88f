package thanora.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Prompts with images, through templates that want parts and through templates that want strings. */
class ImagePromptTest {
  private static final LocalDateTime NOW = LocalDateTime.of(2024, 3, 7, 9, 5, 3);
  private static final String STRINGS = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content"
      + " + '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
  private static final String QUESTION = "<image>\nWhat?";

  /** A tokenizer whose token 331 is {@code <image>}, and whose processor adds the bos. */
  private static Tokenizer tokenizer(String template) throws IOException {
    String json = TokenizerTest.withBos().replace("\"id\":330,\"content\":\"<tool>\"",
        "\"id\":331,\"content\":\"<image>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
            + "\"normalized\":false,\"special\":true},{\"id\":330,\"content\":\"<tool>\"");
    return Tokenizer.of(json, new Special(OptionalInt.of(1), OptionalInt.of(2), OptionalInt.empty(),
        OptionalInt.empty(), Set.of()), Optional.ofNullable(template));
  }

  private static String golden(String name) throws IOException {
    JsonNode file = new ObjectMapper().readTree(Files.readString(
        Path.of("src/test/resources/golden/templates/chat_" + name + ".json")));
    return file.get("template").textValue();
  }

  private static PromptFormat format(Tokenizer tokenizer) {
    return PromptFormat.of(tokenizer, Map.of(), NOW, Optional.of("<image>"));
  }

  /** The row as text, with what is trained between brackets. */
  private static String shown(Tokenizer tokenizer, Encoded row) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < row.ids().length; ) {
      int end = i;
      while (end < row.ids().length && row.trained()[end] == row.trained()[i]) {
        end++;
      }
      String part = tokenizer.decode(Arrays.copyOfRange(row.ids(), i, end), false);
      text.append(row.trained()[i] ? "[" + part + "]" : part);
      i = end;
    }
    return text.toString();
  }

  private static Conversation talk(String first, String answer, String second, String last) {
    return new Conversation(List.of(new ChatMessage("user", first), new ChatMessage("assistant", answer),
        new ChatMessage("user", second), new ChatMessage("assistant", last)), List.of(), 0);
  }

  @Test
  void llavaPutsThePlaceholderFirstAndHasItsBos() throws IOException {
    Tokenizer tokenizer = tokenizer(golden("llava"));
    PromptFormat format = format(tokenizer);
    assertThat(shown(tokenizer, format.encode("", QUESTION, "A cat", true)))
        .isEqualTo("<|im_start|>USER: <image>\nWhat? ASSISTANT:[ A cat<|im_end|>]");
    assertThat(shown(tokenizer, format.encode("Be brief.", "What?", "A cat")))
        .isEqualTo("<|im_start|>Be brief. USER: What? ASSISTANT:[ A cat<|im_end|>]");
    assertThat(shown(tokenizer, format.encode(talk("<image>\nWhat?", "A cat", "Why?", "So."), true)))
        .isEqualTo("<|im_start|>USER: <image>\nWhat? ASSISTANT: [A cat] USER: Why? ASSISTANT: [So.<|im_end|>]");
  }

  @Test
  void smolVlmKeepsPartsInTheirOrder() throws IOException {
    Tokenizer tokenizer = tokenizer(golden("smolvlm").replace("<end_of_utterance>", "<|im_end|>"));
    PromptFormat format = format(tokenizer);
    assertThat(shown(tokenizer, format.encode("", QUESTION, "A cat", true)))
        .isEqualTo("<|im_start|>User:<image>What?<|im_end|>\nAssistant:[ A cat<|im_end|>]");
    assertThat(shown(tokenizer, format.encode(talk("See <image>", "A cat", "Why?", "So."), true)))
        .isEqualTo("<|im_start|>User: See <image><|im_end|>\nAssistant:[ A cat<|im_end|>]\nUser: Why?<|im_end|>\n"
            + "Assistant:[ So.<|im_end|>]");
    assertThat(tokenizer.decode(format.prompt("", QUESTION, true), false)).endsWith("\nAssistant:");
  }

  @Test
  void aTemplateOfStringsGetsThePlaceholderInTheText() throws IOException {
    Tokenizer tokenizer = tokenizer(STRINGS);
    PromptFormat format = format(tokenizer);
    assertThat(shown(tokenizer, format.encode("", QUESTION, "A cat", true)))
        .isEqualTo("<|im_start|>user\n<image>\nWhat?<|im_end|><|im_start|>assistant\n[A cat<|im_end|>]");
    Conversation parts = new Conversation(List.of(new ChatMessage("user", QUESTION).withImageParts(), new ChatMessage(Map.of("role", "assistant",
        "content", List.of(Map.of("type", "text", "text", "A cat"))))), List.of(), 0);
    assertThat(shown(tokenizer, format.encode(parts)))
        .isEqualTo("<|im_start|>user\n<image>What?<|im_end|><|im_start|>assistant\n[A cat<|im_end|>]");
    Tokenizer plain = tokenizer(null);
    assertThat(shown(plain, format(plain).encode("", QUESTION, "A cat", true)))
        .isEqualTo("<|im_start|><image>\nWhat?\n[A cat<|im_end|>]");
  }

  @Test
  void textsOfAModelWithoutImagesStayAsTheyWere() throws IOException {
    Tokenizer tokenizer = tokenizer(STRINGS);
    assertThat(shown(tokenizer, PromptFormat.of(tokenizer, Map.of(), NOW).encode("<image>\nWhat?", "A cat")))
        .isEqualTo("<|im_start|>user\n<image>\nWhat?<|im_end|><|im_start|>assistant\n[A cat<|im_end|>]");
  }
}
