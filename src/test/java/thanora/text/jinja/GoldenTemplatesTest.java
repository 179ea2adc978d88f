package thanora.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Renders what scripts/golden/make_templates.py rendered with Python's Jinja2 3.1.6. */
class GoldenTemplatesTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/templates");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final LocalDateTime NOW = LocalDateTime.of(2024, 3, 7, 9, 5, 3);

  @TestFactory
  Stream<DynamicTest> snippetsRenderAsInPython() throws IOException {
    JsonNode golden = JSON.readTree(GOLDEN.resolve("snippets.json").toFile());
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode snippet : golden.get("snippets")) {
      String template = snippet.get("template").textValue();
      tests.add(DynamicTest.dynamicTest(
          template.replace('\n', ' '), () -> check(template, golden.get("variables"), snippet)));
    }
    assertThat(tests).hasSizeGreaterThan(150);
    return tests.stream();
  }

  @TestFactory
  Stream<DynamicTest> chatTemplatesRenderAsInPython() throws IOException {
    return folder(GOLDEN);
  }

  /** Templates that are not committed: -Dtemplates=FOLDER made by the script's second form. */
  @TestFactory
  @EnabledIfSystemProperty(named = "templates", matches = ".+")
  Stream<DynamicTest> templatesOfAFolderRenderAsInPython() throws IOException {
    return folder(Path.of(System.getProperty("templates")));
  }

  private static Stream<DynamicTest> folder(Path folder) throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.sorted().toList()) {
        JsonNode golden = JSON.readTree(file.toFile());
        if (!golden.has("cases")) {
          continue;
        }
        String template = golden.get("template").textValue();
        int i = 0;
        for (JsonNode one : golden.get("cases")) {
          tests.add(DynamicTest.dynamicTest(golden.get("name").textValue() + " " + i++,
              () -> check(template, one.get("variables"), one)));
        }
      }
    }
    assertThat(tests).isNotEmpty();
    return tests.stream();
  }

  private static void check(String template, JsonNode variables, JsonNode expected) {
    Map<String, Object> values = JSON.convertValue(variables, JSON.getTypeFactory()
        .constructMapType(Map.class, String.class, Object.class));
    if (expected.has("error")) {
      Throwable thrown = catchThrowable(() -> Template.parse(template).render(values, NOW));
      assertThat(thrown).as("Python says " + expected.get("error").textValue())
          .isInstanceOf(TemplateException.class).hasMessageStartingWith("chat template, line ");
      return;
    }
    Rendering rendering = Template.parse(template).render(values, NOW);
    assertThat(rendering.text()).isEqualTo(expected.get("text").textValue());
    List<List<Integer>> spans = new ArrayList<>();
    for (Rendering.Span span : rendering.generated()) {
      spans.add(List.of(rendering.text().codePointCount(0, span.start()),
          rendering.text().codePointCount(0, span.end())));
    }
    assertThat(JSON.<JsonNode>valueToTree(spans)).isEqualTo(expected.get("spans"));
  }

  @Test
  void stopsATemplateThatNeverEnds() {
    String template = "{% for a in range(99999) %}{% for b in range(99999) %}"
        + "{% endfor %}{% endfor %}";
    assertThatThrownBy(() -> Template.parse(template).render(Map.of(), NOW))
        .isInstanceOf(TemplateException.class).hasMessageContaining("steps");
  }

  @Test
  void stopsOutputThatGrowsWithoutEnd() {
    String doubling = "{% set n = namespace(x='ab') %}"
        + "{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}";
    assertThatThrownBy(() -> Template.parse(doubling).render(Map.of(), NOW))
        .isInstanceOf(TemplateException.class).hasMessageContaining("characters");
    assertThatThrownBy(() -> Template.parse("{{ 'a' * 99999999999 }}").render(Map.of(), NOW))
        .isInstanceOf(TemplateException.class).hasMessageContaining("characters");
    assertThatThrownBy(() -> Template.parse("{{ [1] * 99999999999 }}").render(Map.of(), NOW))
        .isInstanceOf(TemplateException.class).hasMessageContaining("items");
  }

  @Test
  void stopsListsThatHoldEachOtherManyTimes() {
    String nested = "{% set n = namespace(a=1, b=1, t=1) %}{% for i in range(60) %}"
        + "{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}{% set n.t = (n.t, n.t) %}"
        + "{% endfor %}";
    for (String use : List.of("{{ n.a == n.b }}", "{{ n.a }}", "{{ n.a|tojson }}",
        "{{ n.a < n.b }}", "{{ {n.t: 1} }}", "{{ [n.a, n.b]|unique|list }}", "{{ n.a in [n.b] }}")) {
      assertThatThrownBy(() -> Template.parse(nested + use).render(Map.of(), NOW)).as(use)
          .isInstanceOf(TemplateException.class);
    }
  }

  @Test
  void stopsFiltersOverManyBigStrings() {
    String big = "{% set s = 'a' * 15000000 %}";
    for (String use : List.of("{{ ([s] * 99999)|map('upper')|list|length }}",
        "{% for i in range(99999) %}{% set x = s[::-1] %}{% endfor %}",
        "{% for i in range(99999) %}{% if 'b' in s %}{% endif %}{% endfor %}",
        "{% set n = namespace(l=[]) %}{% for i in range(99999) %}"
            + "{% set n.l = n.l + [s.upper()] %}{% endfor %}")) {
      assertThatThrownBy(() -> Template.parse(big + use).render(Map.of(), NOW)).as(use)
          .isInstanceOf(TemplateException.class).hasMessageContaining("steps");
    }
  }

  @Test
  void stopsMacrosThatCallThemselves() {
    assertThatThrownBy(() -> Template.parse("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")
        .render(Map.of(), NOW)).isInstanceOf(TemplateException.class).hasMessageContaining("deep");
  }

  @Test
  void refusesBracketsNestedTooDeeply() {
    assertThatThrownBy(() -> Template.parse("{{ " + "(".repeat(200_000)))
        .isInstanceOf(TemplateException.class);
    assertThatThrownBy(() -> Template.parse("{{ 1" + "+1".repeat(200_000) + " }}")
        .render(Map.of(), NOW)).isInstanceOf(TemplateException.class);
  }

  @Test
  void namesTheLineOfAnError() {
    assertThatThrownBy(() -> Template.parse("a\n{{ 1 }}\n{% if x %}\n{{ 1 + nothing }}{% endif %}")
        .render(Map.of("x", true), NOW))
        .hasMessage("chat template, line 4: 'nothing' is undefined");
    assertThatThrownBy(() -> Template.parse("a\n\n{% frobnicate %}"))
        .hasMessage("chat template, line 3: block 'frobnicate' is unknown or out of place");
  }

  @Test
  void refusesJavaObjects() {
    assertThatThrownBy(() -> Template.parse("{{ x }}").render(Map.of("x", new Object()), NOW))
        .isInstanceOf(TemplateException.class).hasMessageContaining("java.lang.Object");
    assertThatThrownBy(() -> Template.parse("{{ 'a'.getClass() }}").render(Map.of(), NOW))
        .isInstanceOf(TemplateException.class);
  }

  @Test
  void leavesTheCallersValuesUnchanged() {
    List<Object> words = new ArrayList<>(List.of("b", "a"));
    Template.parse("{{ words|sort }}{% set words = words + ['c'] %}")
        .render(Map.of("words", words), NOW);
    assertThat(words).containsExactly("b", "a");
  }
}
