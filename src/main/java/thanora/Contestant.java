package thanora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import thanora.compare.Findings;
import thanora.merging.CoreSpace;
import thanora.merging.DareTies;
import thanora.merging.Knots;
import thanora.merging.LoraMerge;
import thanora.merging.TaskArithmetic;
import thanora.merging.Ties;

/**
 * One configuration that is compared: a method with keys of the recipe changed, without learning rate
 * and seed.
 *
 * @param name in tables; unique
 * @param recipe that it is trained by
 * @param rates learning rates of its own sweep; those of all where empty
 * @param merge what makes one change of weights of the adapters of a LoRA per task, where that is the
 *     method; it is not trained then
 */
public record Contestant(String name, Recipe recipe, List<Double> rates, Optional<LoraMerge> merge) {
  // name=method[key=value;lr=rate|rate], name and brackets may be left out
  private static final Pattern FORM = Pattern.compile("(?:([\\w.-]+)=)?([\\w-]+)(?:\\[(.*)])?");

  private static final List<String> MERGES =
      List.of("task-arithmetic", "ties", "dare-ties", "knots", "core-space");

  /**
   * Reads a list such as {@code lora,dora,no-spr=thanora[spr.lambda=0;hasi.coop=false]}.
   *
   * @throws RecipeException naming every problem
   */
  public static List<Contestant> parse(Recipe base, String methods) {
    List<Contestant> contestants = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (String item : split(methods)) {
      try {
        Contestant contestant = one(base, item);
        if (!names.add(contestant.name)) {
          problems.add("--methods: " + contestant.name + " appears twice; give one a name, as in b="
              + item);
        }
        contestants.add(contestant);
      } catch (RecipeException e) {
        e.problems().forEach(problem -> problems.add("--methods " + item + ": " + problem));
      }
    }
    boolean merged = contestants.stream().anyMatch(contestant -> contestant.merge.isPresent());
    if (merged && !names.contains(Findings.PER_TASK)) {
      contestants.add(one(base, Findings.PER_TASK));
    }
    if (!problems.isEmpty()) {
      throw new RecipeException(problems);
    }
    return contestants;
  }

  /** Items between commas that are not in brackets. */
  private static List<String> split(String methods) {
    return Stream.of(methods.split(",(?![^\\[]*])")).map(String::strip).filter(item -> !item.isEmpty()).toList();
  }

  private static Contestant one(Recipe base, String item) {
    Matcher form = FORM.matcher(item);
    if (!form.matches()) {
      throw new RecipeException(List.of("is not a method; write name, or label=name[key=value;key=value]"));
    }
    String method = form.group(2).toLowerCase(Locale.ROOT).replace('_', '-');
    List<String> changes = new ArrayList<>(
        form.group(3) == null ? List.of() : List.of(form.group(3).split(";")));
    List<Double> rates = changes.stream().filter(change -> change.startsWith("lr="))
        .flatMap(change -> rates(change.substring(3), "\\|").stream()).toList();
    changes.removeIf(change -> change.startsWith("lr="));
    String name = form.group(1) != null ? form.group(1) : changes.isEmpty() ? method : item;
    Optional<LoraMerge> merge = merge(method, base.seed());
    Recipe recipe = withMethod(base, merge.isPresent() ? Findings.PER_TASK : method)
        .with(changes.toArray(String[]::new));
    return new Contestant(name, recipe, rates, merge);
  }

  /**
   * Reads learning rates.
   *
   * @param separator a regular expression
   * @throws RecipeException if one is not a number greater than 0
   */
  public static List<Double> rates(String text, String separator) {
    List<Double> rates = new ArrayList<>();
    for (String word : text.split(separator)) {
      double rate;
      try {
        rate = Double.parseDouble(word.strip());
      } catch (NumberFormatException e) {
        rate = Double.NaN;
      }
      if (!(rate > 0) || Double.isInfinite(rate)) {
        throw new RecipeException(List.of(
            "learning rate " + word.strip() + " is not a number greater than 0; write lr=1e-3,2e-3"));
      }
      rates.add(rate);
    }
    return rates.stream().distinct().sorted().toList();
  }

  private static Optional<LoraMerge> merge(String name, long seed) {
    return Optional.ofNullable(switch (name) {
      case "task-arithmetic" -> new TaskArithmetic(1);
      case "ties" -> new Ties(Ties.standard().density(), 1);
      case "dare-ties" -> new DareTies(DareTies.standard(seed).density(), 1, seed);
      case "knots" -> new Knots(new Ties(1, 1));
      case "core-space" -> new CoreSpace(new Ties(Ties.standard().density(), 1));
      default -> null;
    });
  }

  /** The recipe with another method, and with that method's own defaults of hasi and spr. */
  private static Recipe withMethod(Recipe base, String method) {
    List<String> known = Stream.concat(Arrays.stream(Recipe.Method.values())
        .map(m -> RecipeKeys.word(m).replace('_', '-')), MERGES.stream()).toList();
    if (!known.contains(method)) {
      String near = RecipeKeys.nearest(method, known).map(word -> "; did you mean " + word + "?").orElse("");
      throw new RecipeException(List.of(
          method + " is not one of " + String.join(", ", known) + near));
    }
    Recipe.Method wanted = Recipe.Method.valueOf(method.toUpperCase(Locale.ROOT).replace('-', '_'));
    boolean same = wanted == base.method();
    Recipe.Hasi hasi = same ? base.hasi() : Recipe.Hasi.defaults(wanted);
    return new Recipe(
        base.model(), base.data(), wanted, base.seed(), base.device(), base.dtype(), base.threads(), base.plan(),
        base.chatTemplate(), base.chatTemplateKwargs(), base.tasks(), base.images(), base.lora(), hasi,
        same ? base.spr() : Recipe.Spr.defaults(wanted), base.train(), base.eval(), base.merge()).with("hasi.preview_rows=" + base.hasi().previewRows());
  }

  /** The recipe of one run. */
  Recipe run(double rate, long seed) {
    return recipe.with("train.learning_rate=" + rate, "seed=" + seed);
  }
}
