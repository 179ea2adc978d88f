package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RankPlanTest {
  private static ModulePlan module(String name, int first, int second, int coop) {
    return new ModulePlan(
        name, 30, 24,
        List.of(
            new ModulePlan.TaskRank("sums", 0.5, 0.625, first, 24),
            new ModulePlan.TaskRank("dates", 0.25, 0.375, second, 20)),
        coop, List.of(List.of(1.0, 0.75), List.of(0.75, 1.0)),
        List.of(List.of(1.0, 0.0), List.of(0.0, 1.0)),
        "6 of 8 rows for tasks", List.of("a \"quoted\" warning"));
  }

  private static RankPlan plan() {
    return new RankPlan(
        "thanora", -7, 8, 16, 0.5, 1, 200, "sha256:ab", List.of("sums", "dates"),
        List.of(
            module("model.layers.0.self_attn.q_proj", 4, 2, 2),
            module("model.layers.1.self_attn.q_proj", 3, 3, 2)));
  }

  @Test
  void whatIsWrittenIsRead(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("plan.json");
    plan().write(file);
    assertThat(RankPlan.read(file)).isEqualTo(plan());
    assertThat(Files.readString(file)).isEqualTo(plan().toJson());
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void infiniteTauIsWrittenAsAWord() {
    RankPlan p = plan();
    RankPlan infinite =
        new RankPlan(
            p.method(), p.seed(), p.r(), p.alpha(), Double.POSITIVE_INFINITY, p.rMin(),
            p.previewRows(),
            p.base(), p.tasks(), p.modules());
    assertThat(infinite.toJson()).contains("\"tau\": \"infinity\"");
    assertThat(RankPlan.fromJson(infinite.toJson())).isEqualTo(infinite);
  }

  @Test
  void everyTaskIsALineThatCanBeEdited() {
    String line =
        "{\"task\":\"sums\",\"rank\":4,\"entropy\":0.5,\"share\":0.625,\"numerical_rank\":24}";
    assertThat(plan().toJson().lines().map(String::strip)).contains(line + ",");
    String edited =
        plan().toJson().replace("\"sums\",\"rank\":4", "\"sums\",\"rank\":5")
            .replaceFirst("\"dates\",\"rank\":2", "\"dates\",\"rank\":1");
    RankPlan read = RankPlan.fromJson(edited);
    assertThat(read.module("model.layers.0.self_attn.q_proj").orElseThrow().blocks().taskRanks())
        .containsExactly(5, 1);
    assertThat(read.module("nothing")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"sums\",\"rank\":4 | \"sums\",\"rank\":5 | q_proj: ranks and coop_rank sum to 9, not to r = 8",
        "\"sums\",\"rank\":4 | \"sums\",\"rank\":0 | rank 0 of task sums is smaller than 1",
        "\"sums\",\"rank\":4 | \"sums\",\"rank\":-1 | rank -1 of task sums is smaller than 1",
        "\"sums\",\"rank\":4 | \"sums\",\"rank\":4.0 | task sums: rank 4.0 is not a whole number",
        "\"sums\",\"rank\":4 | \"sums\",\"rank\":\"4\" | task sums: rank \"4\" is not a whole number",
        "\"sums\",\"rank\":4 | \"sums\",\"rank\":4,\"rank\":4 | not JSON: Duplicate",
        "\"sums\",\"rank\":4 | \"sums\",\"rnk\":4 | key rnk is unknown; the keys are entropy, ",
        "\"sums\",\"rank\":4, | \"sums\", | task sums: key rank is missing",
        "\"task\":\"sums\" | \"task\":\"sms\" | lists tasks [sms, dates], the plan [sums, dates]",
        "layers.1. | layers.0. | module model.layers.0.self_attn.q_proj appears twice",
        "\"coop_rank\": 2 | \"coop_rank\": 99999999999 | coop_rank 99999999999 is not a whole number",
        "\"version\": 1 | \"version\": 2 | version 2 is unknown",
        "\"tau\": 0.5 | \"tau\": 0 | tau 0.0 is not above 0",
        "[[1.0,0.75],[0.75,1.0]] | [[1.0],[0.75,1.0]] | overlap_before [1.0] is not rows of 2 numbers",
        "[[1.0,0.75],[0.75,1.0]] | [[1.0,0.75]] | overlap_before [[1.0,0.75]] is not 2 rows, or none",
        "\"modules\": [ | \"modules\": [7, | module without a name: expected an object in braces, found 7",
        "\"seed\": -7 | \"seed\": -7] | not JSON: Unexpected close marker",
      })
  void refusesWhatDoesNotAddUp(String from, String to, String message) {
    String broken = plan().toJson().replace(from, to);
    assertThat(broken).isNotEqualTo(plan().toJson());
    assertThatThrownBy(() -> RankPlan.fromJson(broken))
        .isInstanceOf(RankPlanException.class)
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
  }

  @Test
  void refusesTrailingTextAndNoPlanAtAll() {
    assertThatThrownBy(() -> RankPlan.fromJson(plan().toJson() + "{}"))
        .isInstanceOf(RankPlanException.class);
    assertThatThrownBy(() -> RankPlan.fromJson("")).isInstanceOf(RankPlanException.class);
    assertThatThrownBy(() -> RankPlan.fromJson("[]")).hasMessageContaining("expected an object");
    assertThatThrownBy(() -> RankPlan.fromJson("null")).hasMessageContaining("expected an object");
  }

  @Test
  void theFileIsNamedInItsErrors(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("plan.json");
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe});
    assertThatThrownBy(() -> RankPlan.read(file)).hasMessageContaining("plan.json: not UTF-8");
    Files.writeString(file, "{");
    assertThatThrownBy(() -> RankPlan.read(file)).hasMessageContaining("plan.json: plan: not JSON");
  }

  @Test
  void tableShowsMeanRankAndEntropy() {
    assertThat(RankPlanTable.byKind(plan()))
        .isEqualTo(
            """
            rank (entropy)      q_proj         all
            sums            3.5 (0.50)  3.5 (0.50)
            dates           2.5 (0.25)  2.5 (0.25)
            (cooperative)   2.0         2.0
            """);
    assertThat(RankPlanTable.byLayer(plan(), 8))
        .isEqualTo(
            """
            rank (entropy)     layer 0     layer 1         all
            sums            4.0 (0.50)  3.0 (0.50)  3.5 (0.50)
            dates           2.0 (0.25)  3.0 (0.25)  2.5 (0.25)
            (cooperative)   2.0         2.0         2.0
            """);
    assertThat(RankPlanTable.byLayer(plan(), 1)).contains("layers 0-1");
  }
}
