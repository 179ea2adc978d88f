package thanora.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Ids of conversations and which are trained, as transformers has them; see make_masks.py. */
class MaskGoldenTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/masks");
  private static final LocalDateTime NOW = LocalDateTime.of(2024, 3, 7, 9, 5, 3);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JavaType OBJECT =
      JSON.getTypeFactory().constructMapType(Map.class, String.class, Object.class);

  @TestFactory
  Stream<DynamicTest> turnsAreTrainedAsInTransformers() throws IOException {
    return folder(GOLDEN, true);
  }

  /** Templates that are not committed: -Dmasks=FOLDER made by the script's second form. */
  @TestFactory
  @EnabledIfSystemProperty(named = "masks", matches = ".+")
  Stream<DynamicTest> turnsOfAFoldersTemplatesAreTrainedAsInTransformers() throws IOException {
    return folder(Path.of(System.getProperty("masks")), false);
  }

  private static Stream<DynamicTest> folder(Path folder, boolean strict) throws IOException {
    String vocabulary = Files.readString(folder.resolve("tokenizer.json"));
    Vocabulary ids = Vocabulary.of(vocabulary, "golden");
    List<DynamicTest> tests = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.sorted().toList()) {
        JsonNode golden = JSON.readTree(file.toFile());
        if (!golden.has("cases")) {
          continue;
        }
        Set<Integer> ends = new HashSet<>();
        golden.get("ends").forEach(end -> ends.add(ids.id(end.textValue()).orElse(2)));
        Tokenizer plain = Tokenizer.of(vocabulary, new Special(ids.id("<s>"), ids.id("</s>"),
            OptionalInt.empty(), OptionalInt.empty(), ends), Optional.empty());
        int i = 0;
        for (JsonNode one : golden.get("cases")) {
          String name = golden.get("name").textValue() + " " + i++;
          tests.add(DynamicTest.dynamicTest(name + " with generation blocks", () ->
              check(plain.withChatTemplate(golden.get("marked").textValue()), one, strict, name)));
          tests.add(DynamicTest.dynamicTest(name + " without", () ->
              check(plain.withChatTemplate(golden.get("plain").textValue()), one, strict, name)));
        }
      }
    }
    assertThat(tests).isNotEmpty();
    return tests.stream();
  }

  /**
   * @param strict whether the turns have to be the very runs; not with templates of others, whose
   *     blocks may hold a header, a newline behind the turn, or the end of the text besides
   */
  private static void check(Tokenizer tokenizer, JsonNode golden, boolean strict, String name) {
    Map<String, Object> variables = JSON.convertValue(golden.get("variables"), OBJECT);
    List<ChatMessage> messages = new ArrayList<>();
    golden.get("messages").forEach(
        message -> messages.add(new ChatMessage(JSON.convertValue(message, OBJECT))));
    List<Object> tools = golden.get("tools").isNull()
        ? List.of() : List.of(JSON.convertValue(golden.get("tools"), Object[].class));
    PromptFormat format = PromptFormat.of(tokenizer, variables, NOW);
    Encoded all = format.encode(new Conversation(messages, tools, 0));
    boolean sameText = golden.get("plain_ids").isNull();
    boolean marked = tokenizer.chatTemplate().get().source().contains("endgeneration");
    int[] ids = JSON.convertValue(golden.get(marked || sameText ? "ids" : "plain_ids"), int[].class);
    assertThat(all.ids()).as(name).isEqualTo(Arrays.copyOf(ids, all.ids().length));
    if (!marked && !sameText) {
      return;
    }
    List<int[]> wanted = List.of(JSON.convertValue(golden.get("trained"), int[][].class));
    if (strict || marked) {
      assertThat(runs(all)).as(name).containsExactlyElementsOf(wanted);
      Encoded last = format.encode(new Conversation(messages, tools, messages.size() - 1));
      assertThat(last.ids()).as(name).isEqualTo(all.ids());
      assertThat(runs(last)).as(name).containsExactly(wanted.get(wanted.size() - 1));
    } else {
      assertThat(runs(all)).as(name).hasSameSizeAs(wanted);
      for (int i = 0; i < wanted.size(); i++) {
        assertThat(text(tokenizer, ids, wanted.get(i))).as(name)
            .containsOnlyOnce(text(tokenizer, ids, runs(all).get(i)));
      }
    }
  }

  private static String text(Tokenizer tokenizer, int[] ids, int[] run) {
    return tokenizer.decode(Arrays.copyOfRange(ids, run[0], run[1]), false);
  }

  private static List<int[]> runs(Encoded row) {
    List<int[]> runs = new ArrayList<>();
    for (int start = 0; start < row.ids().length; start++) {
      int end = start;
      while (end < row.ids().length && row.trained()[end]) {
        end++;
      }
      if (end > start) {
        runs.add(new int[] {start, end});
        start = end;
      }
    }
    return runs;
  }
}
