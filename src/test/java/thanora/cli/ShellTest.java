package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a shell, man and a sick machine get. */
class ShellTest {
  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return Main.run(new PrintWriter(out), new PrintWriter(err), args);
  }

  private static void assumeIsThere(String program) {
    assumeTrue(Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(path -> Files.isExecutable(Path.of(path, program))), program + " is not there");
  }

  private List<String> lines(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    List<String> lines = process.inputReader().lines().toList();
    process.waitFor();
    return lines;
  }

  @Test
  void bashCompletes() throws IOException, InterruptedException {
    assumeIsThere("bash");
    assertThat(run("completion", "bash")).isZero();
    Files.writeString(folder.resolve("completion"), out.toString());
    Files.writeString(folder.resolve("some.yaml"), "");
    // outside a completion compopt only complains, to standard error
    String script = """
        source completion
        complete -p thanora
        try() {
          COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
          _complete_thanora 2> /dev/null
          echo "${COMPREPLY[@]}"
        }
        try thanora tr
        try thanora train --resu
        try thanora train so
        try thanora export --format ''
        try thanora ben
        """;
    assertThat(lines("bash", "-c", script)).containsExactly(
        "complete -o default -F _complete_thanora thanora", "train", "--resume", "some.yaml", "peft gguf", "");
  }

  @Test
  void theManPageHasEveryCommandAndRoffTakesIt() throws IOException, InterruptedException {
    assertThat(run("help", "--man")).isZero();
    assertThat(out.toString()).startsWith(".TH \"THANORA\" \"1\"")
        .contains(".SS \"thanora train RECIPE\"", "\\-\\-max\\-new\\-tokens", "128").doesNotContain("${", "bench");
    assumeIsThere("groff");
    Path page = Files.writeString(folder.resolve("thanora.1"), out.toString());
    List<String> shown = lines("groff", "-man", "-Tutf8", "-ww", page.toString());
    assertThat(shown).noneMatch(line -> line.contains("warning") || line.contains("error:"));
    assertThat(String.join("\n", shown)).contains("thanora");
  }

  @Test
  void helpOfACommandIsItsOwn() {
    assertThat(run("help", "merge")).isZero();
    String help = out.toString();
    out.getBuffer().setLength(0);
    run("merge", "--help");
    assertThat(out).hasToString(help);
  }

  @Test
  void theDoctorLooksAtEverything() throws IOException {
    int code = run("doctor", "--json", "--quiet");
    JsonNode found = new ObjectMapper().readTree(out.toString());
    assertThat(err.toString()).isEmpty();
    assertThat(found.get("checks")).extracting(check -> check.get("check").asText()).containsExactly(
        "Java", "compiler", "Java heap", "text", "temporary folder", "cache of JavaCPP", "cache of DJL",
        "cache of Maven", "Hugging Face", "memory", "disk", "libtorch", "threads", "GPU", "tokenizers");
    assertThat(found.get("checks")).filteredOn(check -> !check.get("state").asText().equals("ok"))
        .allSatisfy(check -> assertThat(check.get("remedy").asText()).isNotBlank());
    boolean wrong = found.findValuesAsText("state").contains("wrong");
    assertThat(found.get("ok").asBoolean()).isEqualTo(!wrong);
    assertThat(code).isEqualTo(wrong ? 1 : 0);
    assertThat(found.get("checks")).filteredOn(check -> check.get("check").asText().equals("libtorch"))
        .allSatisfy(check -> assertThat(check.get("state").asText()).isEqualTo("ok"));
  }
}
