package thanora.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.demo.DemoTasks.Row;

class DemoTasksTest {

  @Test
  void sameSeedGivesSameRowsAndAnotherSeedOthers() {
    for (String task : DemoTasks.names()) {
      assertThat(DemoTasks.train(task, 200, 7)).isEqualTo(DemoTasks.train(task, 200, 7));
      assertThat(DemoTasks.train(task, 200, 7)).isNotEqualTo(DemoTasks.train(task, 200, 8));
      assertThat(DemoTasks.train(task, 50, 7))
          .isEqualTo(DemoTasks.train(task, 200, 7).subList(0, 50));
    }
  }

  @Test
  void testPromptsNeverOccurInTrainWhateverTheSeeds() {
    for (String task : DemoTasks.names()) {
      Set<String> train = new HashSet<>();
      for (long seed = 0; seed < 4; seed++) {
        train.addAll(prompts(DemoTasks.train(task, 1500, seed)));
      }
      for (long seed = 0; seed < 4; seed++) {
        assertThat(train).doesNotContainAnyElementsOf(prompts(DemoTasks.test(task, 300, seed)));
      }
    }
  }

  @Test
  void onePromptInFiveIsATestPrompt() {
    Random random = new Random(3);
    long test = random.ints(20_000, 10, 1_000_000)
        .filter(number -> DemoTasks.isTest(Integer.toString(number))).count();
    assertThat(test).isBetween(3700L, 4300L);
  }

  @Test
  void rowsAreDistinctAndShort() {
    for (String task : DemoTasks.names()) {
      List<Row> rows = DemoTasks.train(task, 1500, 1);
      assertThat(prompts(rows)).hasSize(1500);
      assertThat(rows).allSatisfy(row -> {
        assertThat(row.prompt().length()).isBetween(2, 70);
        assertThat(row.completion().length()).isBetween(1, 70);
      });
    }
  }

  @Test
  void numbersAreSpelledOut() {
    assertThat(NumberWords.words(10)).isEqualTo("ten");
    assertThat(NumberWords.words(4207)).isEqualTo("four thousand two hundred seven");
    assertThat(NumberWords.words(60_019)).isEqualTo("sixty thousand nineteen");
    assertThat(NumberWords.words(93_540))
        .isEqualTo("ninety three thousand five hundred forty");
  }

  @Test
  void soundsFollowTheLetterRules() {
    assertThat(LetterSounds.sounds("thrapil")).containsExactly("th", "r", "ae", "p", "ih", "l");
    assertThat(LetterSounds.sounds("cage")).containsExactly("k", "ey", "j");
    assertThat(LetterSounds.sounds("knell")).containsExactly("n", "eh", "l");
    assertThat(LetterSounds.sounds("quaix")).containsExactly("k w", "ey", "k s");
    assertThat(LetterSounds.sounds("wrice")).containsExactly("r", "ay", "s");
  }

  @Test
  void sumsAndOrdersAndDatesAreRight() {
    for (Row row : DemoTasks.train("sums", 300, 5)) {
      String[] parts = row.prompt().split("\\+");
      assertThat(Integer.parseInt(parts[0]) + Integer.parseInt(parts[1]))
          .isEqualTo(Integer.parseInt(row.completion()));
    }
    for (Row row : DemoTasks.train("order", 300, 5)) {
      assertThat(row.prompt().split(" ")).containsExactlyInAnyOrder(row.completion().split(" "));
      assertThat(row.completion().split(" ")).isSorted();
    }
    for (Row row : DemoTasks.train("dates", 300, 5)) {
      String[] iso = row.completion().split("-");
      assertThat(row.prompt()).contains(iso[0]).contains(String.valueOf(Integer.parseInt(iso[2])));
    }
  }

  @Test
  void writtenFilesAreValidJsonLinesOfTheSameRows(@TempDir Path dir) throws Exception {
    DemoTasks.writeTo(dir, 40, 10, 2);
    ObjectMapper mapper = new ObjectMapper();
    for (String task : DemoTasks.names()) {
      List<String> lines = Files.readAllLines(dir.resolve(task).resolve("train.jsonl"));
      List<Row> rows = DemoTasks.train(task, 40, 2);
      assertThat(lines).hasSize(40);
      for (int i = 0; i < 40; i++) {
        JsonNode node = mapper.readTree(lines.get(i));
        assertThat(node.get("prompt").asText()).isEqualTo(rows.get(i).prompt());
        assertThat(node.get("completion").asText()).isEqualTo(rows.get(i).completion());
      }
      assertThat(Files.readAllLines(dir.resolve(task).resolve("test.jsonl"))).hasSize(10);
    }
  }

  @Test
  void quotesEverythingThatJsonForbidsInStrings() throws Exception {
    String nasty = "a \"b\" \\ c\n\t\u0001 é";
    assertThat(new ObjectMapper().readValue(DemoTasks.quote(nasty), String.class)).isEqualTo(nasty);
  }

  @Test
  void refusesUnknownTasksAndMoreRowsThanThereAre() {
    assertThatThrownBy(() -> DemoTasks.train("sum", 1, 0))
        .hasMessageContaining("unknown demo task \"sum\"").hasMessageContaining("sums");
    assertThatThrownBy(() -> DemoTasks.test("calls", 1_000_000, 0))
        .hasMessageContaining("ask for fewer");
  }

  private static Set<String> prompts(List<Row> rows) {
    return rows.stream().map(Row::prompt).collect(Collectors.toSet());
  }
}
