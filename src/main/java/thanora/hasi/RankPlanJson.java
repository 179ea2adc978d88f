package thanora.hasi;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** A {@link RankPlan} as text: one line a task, so that a rank is found and changed by hand. */
final class RankPlanJson {
  private static final int VERSION = 1;
  private static final Set<String> PLAN_KEYS =
      Set.of("version", "method", "seed", "r", "alpha", "tau", "r_min", "preview_rows", "base",
          "tasks",
          "modules");
  private static final Set<String> MODULE_KEYS =
      Set.of("name", "d_in", "d_out", "tasks", "coop_rank", "overlap_before", "overlap_after",
          "why",
          "warnings");
  private static final Set<String> TASK_KEYS =
      Set.of("task", "rank", "entropy", "share", "numerical_rank");
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private RankPlanJson() {}

  static String write(RankPlan plan) {
    StringBuilder out = new StringBuilder("{\n");
    out.append("  \"version\": ").append(VERSION).append(",\n");
    field(out, "  ", "method", plan.method());
    field(out, "  ", "seed", plan.seed());
    field(out, "  ", "r", plan.r());
    field(out, "  ", "alpha", plan.alpha());
    field(out, "  ", "tau", Double.isInfinite(plan.tau()) ? "infinity" : plan.tau());
    field(out, "  ", "r_min", plan.rMin());
    field(out, "  ", "preview_rows", plan.previewRows());
    field(out, "  ", "base", plan.base());
    field(out, "  ", "tasks", plan.tasks());
    out.append("  \"modules\": [");
    String separator = "\n";
    for (ModulePlan module : plan.modules()) {
      out.append(separator);
      module(out, module);
      separator = ",\n";
    }
    return out.append("\n  ]\n}\n").toString();
  }

  private static void module(StringBuilder out, ModulePlan module) {
    out.append("    {\n");
    field(out, "      ", "name", module.name());
    field(out, "      ", "d_in", module.dIn());
    field(out, "      ", "d_out", module.dOut());
    out.append("      \"tasks\": [");
    String separator = "\n";
    for (ModulePlan.TaskRank task : module.tasks()) {
      ObjectNode line = JSON.createObjectNode();
      line.put("task", task.task());
      line.put("rank", task.rank());
      line.put("entropy", task.entropy());
      line.put("share", task.share());
      line.put("numerical_rank", task.numericalRank());
      out.append(separator).append("        ").append(line);
      separator = ",\n";
    }
    out.append("\n      ],\n");
    field(out, "      ", "coop_rank", module.coopRank());
    field(out, "      ", "overlap_before", module.overlapBefore());
    field(out, "      ", "overlap_after", module.overlapAfter());
    field(out, "      ", "why", module.why());
    out.append("      \"warnings\": ").append(JSON.valueToTree(module.warnings()).toString());
    out.append("\n    }");
  }

  private static void field(StringBuilder out, String indent, String key, Object value) {
    out.append(indent).append('"').append(key).append("\": ");
    out.append(JSON.valueToTree(value).toString()).append(",\n");
  }

  static RankPlan read(String text) {
    JsonNode root;
    try {
      root = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new RankPlanException("plan: not JSON: "
          + e.getOriginalMessage().lines().findFirst().orElse("").replaceAll(" \\(start .*", "")
          + at(e) + "; write it anew with analyze");
    }
    Fields plan = new Fields(root, "plan", PLAN_KEYS);
    if (plan.integer("version") != VERSION) {
      throw new RankPlanException(
          "plan: version " + plan.integer("version") + " is unknown; this program reads "
          + VERSION);
    }
    List<ModulePlan> modules = new ArrayList<>();
    for (JsonNode node : plan.array("modules")) {
      modules.add(module(node));
    }
    return new RankPlan(
        plan.text("method"), plan.whole("seed"), plan.integer("r"),
        plan.number("alpha").doubleValue(), tau(plan), plan.integer("r_min"),
        plan.integer("preview_rows"), plan.text("base"), texts(plan, "tasks"), modules);
  }

  private static String at(JsonProcessingException e) {
    return e.getLocation() == null
        ? ""
        : " (line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr()
        + ")";
  }

  private static ModulePlan module(JsonNode node) {
    String name = node.path("name").asText("without a name");
    Fields module = new Fields(node, "plan: module " + name, MODULE_KEYS);
    List<ModulePlan.TaskRank> tasks = new ArrayList<>();
    for (JsonNode line : module.array("tasks")) {
      Fields task =
          new Fields(line, module.where + ": task " + line.path("task").asText("?"), TASK_KEYS);
      tasks.add(
          new ModulePlan.TaskRank(
              task.text("task"), task.number("entropy").doubleValue(),
              task.number("share").doubleValue(), task.integer("rank"),
              task.integer("numerical_rank")));
    }
    return new ModulePlan(
        module.text("name"), module.integer("d_in"), module.integer("d_out"), tasks,
        module.integer("coop_rank"), matrix(module, "overlap_before", tasks.size()),
        matrix(module, "overlap_after", tasks.size()), module.text("why"),
        texts(module, "warnings"));
  }

  private static double tau(Fields plan) {
    JsonNode tau = plan.get("tau");
    double value =
        tau.isTextual() && tau.asText().equals("infinity")
            ? Double.POSITIVE_INFINITY
            : plan.number("tau").doubleValue();
    if (!(value > 0)) {
      throw new RankPlanException("plan: tau " + value
          + " is not above 0; use a number or infinity");
    }
    return value;
  }

  private static List<String> texts(Fields fields, String key) {
    List<String> texts = new ArrayList<>();
    for (JsonNode node : fields.array(key)) {
      if (!node.isTextual()) {
        throw fields.wrong(key, node, "a list of texts");
      }
      texts.add(node.asText());
    }
    return texts;
  }

  private static List<List<Double>> matrix(Fields fields, String key, int size) {
    List<List<Double>> rows = new ArrayList<>();
    for (JsonNode row : fields.array(key)) {
      List<Double> values = new ArrayList<>();
      for (JsonNode value : row) {
        values.add(value.isNumber() ? value.doubleValue() : Double.NaN);
      }
      if (values.size() != size || values.contains(Double.NaN)) {
        throw fields.wrong(key, row, "rows of " + size + " numbers");
      }
      rows.add(values);
    }
    if (!rows.isEmpty() && rows.size() != size) {
      throw fields.wrong(key, fields.get(key), size + " rows, or none");
    }
    return rows;
  }

  /** The fields of one object, none missing, none unknown. */
  private static final class Fields {
    private final JsonNode node;
    private final String where;

    Fields(JsonNode node, String where, Set<String> keys) {
      this.node = node;
      this.where = where;
      if (!node.isObject()) {
        throw new RankPlanException(where + ": expected an object in braces, found "
            + shortened(node));
      }
      for (Iterator<String> names = node.fieldNames(); names.hasNext(); ) {
        String name = names.next();
        if (!keys.contains(name)) {
          throw new RankPlanException(
              where + ": key " + name + " is unknown; the keys are "
              + String.join(", ", new TreeSet<>(keys)));
        }
      }
      for (String key : new TreeSet<>(keys)) {
        if (!node.has(key)) {
          throw new RankPlanException(where + ": key " + key + " is missing; add it");
        }
      }
    }

    JsonNode get(String key) {
      return node.get(key);
    }

    String text(String key) {
      if (!get(key).isTextual()) {
        throw wrong(key, get(key), "a text in quotes");
      }
      return get(key).asText();
    }

    JsonNode number(String key) {
      if (!get(key).isNumber() || !Double.isFinite(get(key).doubleValue())) {
        throw wrong(key, get(key), "a number");
      }
      return get(key);
    }

    long whole(String key) {
      if (!get(key).isIntegralNumber() || !get(key).canConvertToLong()) {
        throw wrong(key, get(key), "a whole number");
      }
      return get(key).longValue();
    }

    int integer(String key) {
      if (!get(key).isIntegralNumber() || !get(key).canConvertToInt()) {
        throw wrong(key, get(key), "a whole number");
      }
      return get(key).intValue();
    }

    JsonNode array(String key) {
      if (!get(key).isArray()) {
        throw wrong(key, get(key), "a list in brackets");
      }
      return get(key);
    }

    RankPlanException wrong(String key, JsonNode value, String wanted) {
      return new RankPlanException(where + ": " + key + " " + shortened(value) + " is not "
          + wanted);
    }

    private static String shortened(JsonNode value) {
      String text = value.toString();
      return text.length() <= 40 ? text : text.substring(0, 40) + "…";
    }
  }
}
