package thanora.hasi;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A rank plan as a small text table: a line a task, a column a kind of module or a layer, in each
 * cell the mean rank and the mean entropy.
 */
public final class RankPlanTable {
  private static final Pattern LAYER = Pattern.compile("\\.(\\d+)\\.");

  private RankPlanTable() {}

  /** Columns by the last part of the module's name: {@code q_proj}, {@code down_proj}, ... */
  public static String byKind(RankPlan plan) {
    return render(plan, module -> module.name().substring(module.name().lastIndexOf('.') + 1));
  }

  /**
   * Columns by decoder layer.
   *
   * @param columns layers are put together so that there are at most this many, 1 or more
   */
  public static String byLayer(RankPlan plan, int columns) {
    int layers = 1
        + plan.modules().stream().mapToInt(module -> layer(module.name())).max().orElse(0);
    int each = Math.max(1, (layers + columns - 1) / columns);
    return render(
        plan,
        module -> {
          int first = layer(module.name()) / each * each;
          int last = Math.min(layers, first + each) - 1;
          return first == last ? "layer " + first : "layers " + first + "-" + last;
        });
  }

  private static int layer(String name) {
    Matcher matcher = LAYER.matcher(name);
    return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
  }

  private static String render(RankPlan plan, Function<ModulePlan, String> column) {
    Map<String, List<ModulePlan>> columns = new LinkedHashMap<>();
    for (ModulePlan module : plan.modules()) {
      columns.computeIfAbsent(column.apply(module), key -> new ArrayList<>()).add(module);
    }
    List<List<String>> lines = new ArrayList<>();
    List<String> head = new ArrayList<>(List.of("rank (entropy)"));
    head.addAll(columns.keySet());
    head.add("all");
    lines.add(head);
    for (int task = 0; task < plan.tasks().size(); task++) {
      List<String> line = new ArrayList<>(List.of(plan.tasks().get(task)));
      for (List<ModulePlan> modules : columns.values()) {
        line.add(cell(modules, task));
      }
      line.add(cell(plan.modules(), task));
      lines.add(line);
    }
    List<String> coop = new ArrayList<>(List.of("(cooperative)"));
    for (List<ModulePlan> modules : columns.values()) {
      coop.add(coop(modules));
    }
    coop.add(coop(plan.modules()));
    lines.add(coop);
    return aligned(lines);
  }

  private static String cell(List<ModulePlan> modules, int task) {
    double rank = modules.stream().mapToInt(m -> m.tasks().get(task).rank()).average().orElse(0);
    double entropy = modules.stream().mapToDouble(m -> m.tasks().get(task).entropy()).average()
        .orElse(0);
    return String.format(Locale.ROOT, "%.1f (%.2f)", rank, entropy);
  }

  private static String coop(List<ModulePlan> modules) {
    double rank = modules.stream().mapToInt(ModulePlan::coopRank).average().orElse(0);
    return String.format(Locale.ROOT, "%.1f       ", rank);
  }

  private static String aligned(List<List<String>> lines) {
    int count = lines.get(0).size();
    int[] widths = new int[count];
    for (List<String> line : lines) {
      for (int i = 0; i < count; i++) {
        widths[i] = Math.max(widths[i], line.get(i).length());
      }
    }
    StringBuilder out = new StringBuilder();
    for (List<String> line : lines) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < count; i++) {
        String cell = line.get(i);
        String gap = " ".repeat(widths[i] - cell.length());
        text.append(i == 0 ? cell + gap : "  " + gap + cell);
      }
      out.append(text.toString().stripTrailing()).append('\n');
    }
    return out.toString();
  }
}
