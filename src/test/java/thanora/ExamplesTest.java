package thanora;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs under examples/, compiled and run, and what they show of the library. */
class ExamplesTest {
  private static final String MODEL = Path.of("demo", "model").toAbsolutePath().toString();

  @TempDir static Path folder;

  @BeforeAll
  static void compile() throws IOException {
    SmallRun.data(folder.resolve("data"));
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8);
        Stream<Path> sources = Files.list(Path.of("examples"))) {
      List<Path> programs = sources.filter(file -> file.toString().endsWith(".java")).toList();
      assertThat(programs).hasSize(4);
      List<String> options = List.of("-d", folder.resolve("classes").toString(),
          "-classpath", System.getProperty("java.class.path"), "-Xlint:all,-classfile,-processing,-path", "-Werror");
      assertThat(compiler.getTask(null, files, null, options, null,
          files.getJavaFileObjectsFromPaths(programs)).call()).isTrue();
    }
  }

  private static String run(String name, String... args) throws Exception {
    PrintStream before = System.out;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    URL[] classes = {folder.resolve("classes").toUri().toURL()};
    try (URLClassLoader loader = new URLClassLoader(classes, ExamplesTest.class.getClassLoader())) {
      System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
      loader.loadClass(name).getMethod("main", String[].class).invoke(null, (Object) args);
    } finally {
      System.setOut(before);
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  @Tag("slow")
  void trainsAsksMergesAndServes() throws Exception {
    String run = folder.resolve("run").toString();
    Path merged = folder.resolve("merged");
    assertThat(run("TrainAndAsk", MODEL, folder.resolve("data").toString(), run, merged.toString(), "2"))
        .contains("step 2 {", "sums: -log p ", "12+30 = ", "merged; logits differ by ");
    assertThat(merged.resolve("model.safetensors")).exists();
    String adapter = run + "/adapter";
    assertThat(run("AskSideBySide", MODEL, adapter, "12+30")).contains("base: ", "trained: ");
    assertThat(run("ServeInProcess", MODEL, adapter)).contains("\"object\":\"chat.completion\"", "\"model\":\"trained\"");
  }

  @Test
  @Tag("slow")
  void plansRanks() throws Exception {
    assertThat(run("PlanRanks", MODEL, folder.resolve("data").toString()).lines())
        .hasSize(5 * 7).allSatisfy(line -> assertThat(line).startsWith("model.layers."));
  }

  @Test
  void aRecipeInCodeIsThatOfAFile() {
    Recipe inCode = Recipe.builder(MODEL).data(folder.resolve("data"))
        .task("sums", Map.of("metric", "exact_match", "test", folder.resolve("x.jsonl"), "weight", 2))
        .task("dates").set("lora.target_modules", List.of("q_proj", "v_proj")).set("train.learning_rate", 1e-3)
        .set("plan", folder.resolve("p: #1.json")).set("spr.include_coop", true).build();
    Recipe inFile = RecipeReader.parse("""
        model: %s
        data: %s
        tasks:
        - {name: sums, metric: exact_match, test: %s, weight: 2}
        - {name: dates}
        lora: {target_modules: [q_proj, v_proj]}
        train: {learning_rate: 1e-3}
        plan: '%s'
        spr: {include_coop: true}
        """.formatted(MODEL, folder.resolve("data"), folder.resolve("x.jsonl"), folder.resolve("p: #1.json")),
        "recipe", List.of(), note -> {});
    assertThat(inCode).isEqualTo(inFile);
  }
}
