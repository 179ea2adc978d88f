package thanora;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Writes recipes; keys are the names of record components in snake case, in their order. */
final class RecipeWriter {
  private static final YAMLMapper YAML =
      new YAMLMapper(
          YAMLFactory.builder()
              .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
              .disable(YAMLGenerator.Feature.SPLIT_LINES)
              .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
              .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
              .enable(YAMLGenerator.Feature.INDENT_ARRAYS_WITH_INDICATOR)
              .build());

  private RecipeWriter() {}

  static String yaml(Recipe recipe) {
    try {
      return YAML.writeValueAsString(tree(recipe));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a recipe cannot be written: " + e.getMessage(), e);
    }
  }

  /** The keys of a recipe in order; what the method ignores is left out. */
  static Map<String, Object> tree(Recipe recipe) {
    Map<String, Object> tree = recordTree(recipe);
    if (!recipe.method().isThanora()) {
      tree.remove("hasi");
      tree.remove("spr");
    }
    if (recipe.images().equals(ImageOptions.defaults())) {
      tree.remove("images");
    }
    List<String> targets = recipe.lora().targetModules();
    if (targets.equals(List.of(Recipe.Lora.ALL_LINEAR))) {
      Map<String, Object> lora = recordTree(recipe.lora());
      lora.put("target_modules", Recipe.Lora.ALL_LINEAR);
      tree.put("lora", lora);
    }
    return tree;
  }

  /** Dotted key to value; tasks by name. */
  static Map<String, String> flat(Recipe recipe) {
    Map<String, String> flat = new TreeMap<>();
    tree(recipe).forEach((key, value) -> flatten(key, value, flat));
    return flat;
  }

  private static void flatten(String path, Object value, Map<String, String> into) {
    if (value instanceof Map<?, ?> map) {
      map.forEach((key, inner) -> flatten(path + "." + key, inner, into));
    } else if (value instanceof List<?> list && path.equals("tasks")) {
      list.forEach(task -> flatten(path + "." + ((Map<?, ?>) task).get("name"), task, into));
    } else {
      into.put(path, value instanceof Double number ? RecipeValues.shown(number) : String.valueOf(value));
    }
  }

  private static Map<String, Object> recordTree(Record value) {
    Map<String, Object> tree = new LinkedHashMap<>();
    for (RecordComponent component : value.getClass().getRecordComponents()) {
      Object plain = plain(read(component, value));
      boolean files = value instanceof Recipe.Task && plain instanceof List<?> list && list.size() < 2;
      tree.put(RecipeKeys.snake(component.getName()),
          files ? ((List<?>) plain).stream().findFirst().orElse(null) : plain);
    }
    return tree;
  }

  private static Object read(RecordComponent component, Record value) {
    try {
      return component.getAccessor().invoke(value);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(component.getName() + " cannot be read", e);
    }
  }

  private static Object plain(Object value) {
    if (value instanceof Record section) {
      return recordTree(section);
    }
    if (value instanceof Enum<?> choice) {
      return RecipeKeys.word(choice);
    }
    if (value instanceof Optional<?> optional) {
      return optional.orElse(null);
    }
    if (value instanceof List<?> list) {
      return list.stream().map(RecipeWriter::plain).toList();
    }
    boolean whole = value instanceof Double number && number == Math.rint(number);
    return whole && Math.abs((Double) value) < 1e9 ? (Object) ((Double) value).longValue() : value;
  }
}
