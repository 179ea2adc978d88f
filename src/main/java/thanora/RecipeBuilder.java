package thanora;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A recipe in code: a model, tasks, and any key of {@code docs/recipe.md}. What is not said has its
 * default; {@link #build} checks all of it, as for a file.
 *
 * <pre>{@code
 * Recipe recipe = Recipe.builder("models/SmolLM2-135M-Instruct")
 *     .data(Path.of("data"))
 *     .task("sst2", Map.of("metric", "accuracy"))
 *     .task("mawps", Map.of("metric", "answer"))
 *     .set("lora.r", 16)
 *     .set("train.learning_rate", 1e-3)
 *     .build();
 * }</pre>
 */
public final class RecipeBuilder {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<String, Object> top = new LinkedHashMap<>();
  private final List<Map<String, Object>> tasks = new ArrayList<>();

  RecipeBuilder(String model) {
    top.put("model", model);
    top.put("tasks", tasks);
  }

  /** The folder that relative files of tasks are in. */
  public RecipeBuilder data(Path folder) {
    top.put("data", folder.toString());
    return this;
  }

  /** A task whose rows are in {@code NAME/train.jsonl} and {@code NAME/test.jsonl} of the data. */
  public RecipeBuilder task(String name) {
    return task(name, Map.of());
  }

  /**
   * A task.
   *
   * @param keys of a task in a recipe, such as {@code train}, {@code test} and {@code metric}
   */
  public RecipeBuilder task(String name, Map<String, ?> keys) {
    Map<String, Object> task = new LinkedHashMap<>(Map.of("name", name));
    keys.forEach((key, value) -> task.put(key, plain(value)));
    tasks.add(task);
    return this;
  }

  /**
   * Any other key.
   *
   * @param key such as {@code train.learning_rate}
   * @param value a string, number, boolean, path, or a list of these
   */
  public RecipeBuilder set(String key, Object value) {
    Map<String, Object> at = top;
    String[] parts = key.split("\\.");
    for (int i = 0; i < parts.length - 1; i++) {
      at = section(at, parts[i]);
    }
    at.put(parts[parts.length - 1], plain(value));
    return this;
  }

  @SuppressWarnings("unchecked") // sections are made here alone
  private static Map<String, Object> section(Map<String, Object> at, String name) {
    Object section = at.computeIfAbsent(name, made -> new LinkedHashMap<String, Object>());
    if (section instanceof Map) {
      return (Map<String, Object>) section;
    }
    throw new IllegalArgumentException(name + " has a value already; it has no keys of its own");
  }

  /**
   * The recipe.
   *
   * @throws RecipeException naming every problem
   */
  public Recipe build() {
    try {
      return RecipeReader.parse(JSON.writeValueAsString(top), "recipe", List.of(), note -> {});
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("a value is none of a recipe; give strings, numbers, booleans or lists", e);
    }
  }

  private static Object plain(Object value) {
    return value instanceof Path path ? path.toString() : value;
  }
}
