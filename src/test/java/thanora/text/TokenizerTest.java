package thanora.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Against what scripts/golden/make_tokenizer.py wrote with Python's tokenizers. */
class TokenizerTest {
  static final Path FOLDER = Path.of("src/test/resources/golden/tokenizer");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path temp;

  @Test
  void encodesDecodesAndPlacesTokensAsPythonDoes() throws IOException {
    check(Tokenizer.of(FOLDER), FOLDER.resolve("expected.json"));
  }

  /** A tokenizer that is not committed: -Dtokenizer=FOLDER -Dexpected=FILE of the script. */
  @Test
  @EnabledIfSystemProperty(named = "tokenizer", matches = ".+")
  void encodesAsPythonDoesWithAGivenTokenizer() throws IOException {
    check(Tokenizer.of(Path.of(System.getProperty("tokenizer"))),
        Path.of(System.getProperty("expected")));
  }

  private static void check(Tokenizer tokenizer, Path expected) throws IOException {
    JsonNode rows = JSON.readTree(expected.toFile()).get("rows");
    assertThat(rows).hasSizeGreaterThan(40);
    for (JsonNode row : rows) {
      String text = row.get("text").textValue();
      int[] ids = ints(row.get("ids"));
      assertThat(tokenizer.encode(text)).as(text).isEqualTo(ids);
      assertThat(tokenizer.encodeWithSpecials(text)).as(text)
          .isEqualTo(ints(row.get("with_specials")));
      assertThat(tokenizer.decode(ids, false)).as(text).isEqualTo(row.get("decoded").textValue());
      assertThat(tokenizer.decode(ids, true)).as(text)
          .isEqualTo(row.get("decoded_plain").textValue());
      SpannedIds spanned = tokenizer.encodeWithSpans(text);
      assertThat(spanned.ids()).isEqualTo(ids);
      List<List<Integer>> spans = new ArrayList<>();
      for (Span span : spanned.spans()) {
        spans.add(List.of(text.codePointCount(0, span.start()),
            text.codePointCount(0, span.end())));
      }
      assertThat(JSON.<JsonNode>valueToTree(spans)).as(text).isEqualTo(row.get("spans"));
    }
  }

  private static int[] ints(JsonNode node) {
    return JSON.convertValue(node, int[].class);
  }

  @Test
  void spansCountCharsNotCodePoints() {
    Tokenizer tokenizer = Tokenizer.of(FOLDER);
    SpannedIds spanned = tokenizer.encodeWithSpans("👍a");
    assertThat(spanned.spans().get(spanned.spans().size() - 1)).isEqualTo(new Span(2, 3));
  }

  @Test
  void readsSpecialTokensEndIdsAndTheDefaultTemplate() {
    Tokenizer tokenizer = Tokenizer.of(FOLDER);
    assertThat(tokenizer.bos()).hasValue(1);
    assertThat(tokenizer.eos()).hasValue(2);
    assertThat(tokenizer.pad()).hasValue(0);
    assertThat(tokenizer.endIds()).containsExactlyInAnyOrder(0, 2);
    assertThat(tokenizer.vocabularySize()).isEqualTo(331);
    assertThat(tokenizer.isSpecial(2)).isTrue();
    assertThat(tokenizer.isSpecial(330)).isFalse();
    assertThat(tokenizer.addsBos()).isFalse();
    assertThat(tokenizer.chatTemplate().orElseThrow().source()).startsWith("{% for m in messages");
    assertThat(tokenizer.sha256()).hasSize(64);
  }

  @Test
  void knowsThatItsPostProcessorAddsTheBos() throws IOException {
    Tokenizer tokenizer = Tokenizer.of(
        withBos(), new Special(OptionalInt.of(1), OptionalInt.of(2), OptionalInt.empty(),
            OptionalInt.empty(), Set.of()), Optional.empty());
    assertThat(tokenizer.addsBos()).isTrue();
    assertThat(tokenizer.encodeWithSpecials("a")).startsWith(1).hasSize(2);
    assertThat(tokenizer.encode("a")).hasSize(1);
  }

  static String withBos() throws IOException {
    return Files.readString(FOLDER.resolve("tokenizer.json")).replace("\"post_processor\":null",
        "\"post_processor\":{\"type\":\"TemplateProcessing\","
            + "\"single\":[{\"SpecialToken\":{\"id\":\"<|im_start|>\",\"type_id\":0}},"
            + "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],"
            + "\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
            + "{\"Sequence\":{\"id\":\"B\",\"type_id\":1}}],\"special_tokens\":"
            + "{\"<|im_start|>\":{\"id\":\"<|im_start|>\",\"ids\":[1],"
            + "\"tokens\":[\"<|im_start|>\"]}}}");
  }

  @Test
  void theHashChangesWithTheTemplate() throws IOException {
    Special none = new Special(OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty(),
        OptionalInt.empty(), Set.of());
    String json = Files.readString(FOLDER.resolve("tokenizer.json"));
    assertThat(Tokenizer.of(json, none, Optional.of("a")).sha256())
        .isEqualTo(Tokenizer.of(json, none, Optional.of("a")).sha256())
        .isNotEqualTo(Tokenizer.of(json, none, Optional.of("b")).sha256());
  }

  @Test
  void theTemplateFileWinsOverTheConfig() throws IOException {
    Files.copy(FOLDER.resolve("tokenizer.json"), temp.resolve("tokenizer.json"));
    Files.copy(FOLDER.resolve("tokenizer_config.json"), temp.resolve("tokenizer_config.json"));
    Files.writeString(temp.resolve("chat_template.jinja"), "{{ bos_token }}from the file");
    ChatTemplate template = Tokenizer.of(temp).chatTemplate().orElseThrow();
    assertThat(template.render(List.of(), false, java.util.Map.of()).text())
        .isEqualTo("<|im_start|>from the file");
  }

  @Test
  void saysInOneLineWhatIsWrongWithAFolder() throws IOException {
    refused("has no tokenizer.json");
    Files.writeString(temp.resolve("tokenizer.json"), "{\"model\": ");
    refused("broken JSON at line 1");
    Files.writeString(temp.resolve("tokenizer.json"), "");
    refused("is not a JSON object");
    Files.writeString(temp.resolve("tokenizer.json"), "version https://git-lfs.github.com/x\n");
    refused("git lfs pull");
    Files.writeString(temp.resolve("tokenizer.json"), "{\"model\": {}}");
    refused("no model.vocab");
    Files.write(temp.resolve("tokenizer.json"), new byte[] {'{', (byte) 0xff, '}'});
    refused("not UTF-8");
    Files.writeString(temp.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 1}}}");
    refused("cannot be loaded");
    Files.writeString(
        temp.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 1, \"b\": 1}}}");
    refused("id 1 belongs to both");
    Files.writeString(temp.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": -1}}}");
    refused("id -1 of token 'a'");
    Files.writeString(temp.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 1}},"
        + " \"added_tokens\": [{\"content\": \"a\", \"id\": 2}]}");
    refused("token 'a' has two ids, 1 and 2");
  }

  @Test
  void refusesSpecialTokensOfAnotherTokenizer() throws IOException {
    Files.copy(FOLDER.resolve("tokenizer.json"), temp.resolve("tokenizer.json"));
    Files.writeString(temp.resolve("tokenizer_config.json"), "{\"eos_token\": \"</s>\"}");
    refused("eos_token '</s>' is not a token of tokenizer.json");
    String json = Files.readString(FOLDER.resolve("tokenizer.json"));
    Special wrong = new Special(OptionalInt.empty(), OptionalInt.of(5000), OptionalInt.empty(),
        OptionalInt.empty(), Set.of());
    assertThatThrownBy(() -> Tokenizer.of(json, wrong, Optional.empty()))
        .isInstanceOf(TokenizerException.class).hasMessageContaining("special id 5000");
  }

  private void refused(String why) {
    assertThatThrownBy(() -> Tokenizer.of(temp)).isInstanceOf(TokenizerException.class)
        .hasMessageContaining(why).hasMessageNotContaining("\n");
  }

  @Test
  void refusesHalfASurrogatePairAndUnknownIds() {
    Tokenizer tokenizer = Tokenizer.of(FOLDER);
    assertThatThrownBy(() -> tokenizer.encode("ab\ud83d"))
        .isInstanceOf(TokenizerException.class).hasMessageContaining("at char 2");
    assertThatThrownBy(() -> tokenizer.decode(new int[] {331}, false))
        .isInstanceOf(TokenizerException.class).hasMessageContaining("id 331");
  }
}
