package thanora;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import thanora.RecipeValues.Range;

/**
 * YAML and overrides to a {@link Recipe}; every problem is found before any is reported.
 *
 * <p>Names that other tools have for a key (TRL, PEFT, LLaMA-Factory, axolotl, mlx-lm) are taken
 * with a note of the key that is meant. An override is {@code key=value} with a dotted key; tasks
 * go by index or name, as in {@code tasks.0.weight=2} or {@code tasks.sums.weight=2}.
 */
public final class RecipeReader {
  private final List<String> problems = new ArrayList<>();
  private final Map<String, RecipeNode> values = new LinkedHashMap<>();
  private final Consumer<String> notes;

  private RecipeReader(Consumer<String> notes) {
    this.notes = notes;
  }

  /**
   * Reads a recipe file.
   *
   * @param overrides {@code key=value} each; the last of a key counts
   * @param notes gets a line for each name of another tool and each section that is ignored
   * @throws RecipeException naming every problem
   */
  public static Recipe read(Path file, List<String> overrides, Consumer<String> notes) {
    try {
      String yaml = Files.readString(file, StandardCharsets.UTF_8);
      return parse(yaml, file.toString(), overrides, notes);
    } catch (NoSuchFileException e) {
      throw new RecipeException(List.of("recipe " + file + ": no such file; check the path"));
    } catch (CharacterCodingException e) {
      throw new RecipeException(List.of("recipe " + file + ": is not UTF-8; save it as UTF-8"));
    } catch (IOException e) {
      throw new RecipeException(
          List.of("recipe " + file + ": cannot be read; give a YAML file that you may read"));
    }
  }

  /**
   * Reads the text of a recipe.
   *
   * @param source what messages about the text as a whole name, such as the file
   * @throws RecipeException naming every problem
   */
  public static Recipe parse(
      String yaml, String source, List<String> overrides, Consumer<String> notes) {
    return new RecipeReader(notes).recipe(yaml, source, overrides);
  }

  /** Whether a name is a key of recipes, of this or another tool, or one that there is advice about. */
  public static boolean isKey(String name) {
    return RecipeKeys.isKnown(RecipeKeys.canonical(name)) || name.startsWith("tasks.") || RecipeKeys.isHinted(name);
  }

  /** The word that is spelt most alike, if one is nearly. */
  public static Optional<String> nearest(String word, Collection<String> words) {
    return RecipeKeys.nearest(word, words);
  }

  /** The key whose name is nearest to a misspelt one. */
  public static Optional<String> nearestKey(String name) {
    return RecipeKeys.nearestByName(name.replaceFirst("^--", "").replaceFirst("=.*", "").replace('-', '_'));
  }

  /**
   * Checks that the files a recipe names are there: model, plan, and files of the tasks. What it calls
   * by names on the hub is asked for by {@link HubNames#fetch} alone.
   *
   * @throws RecipeException naming every one that is not
   */
  public static void requireFiles(Recipe recipe) {
    List<String> missing = new ArrayList<>();
    boolean named = recipe.model().equals(Recipe.DEMO_MODEL) || HubNames.model(recipe.model()).isPresent();
    if (!named && !Files.exists(Path.of(recipe.model()))) {
      missing.add("model: " + recipe.model() + " does not exist; give a folder or a .gguf file");
    }
    recipe.plan().filter(plan -> !Files.isRegularFile(Path.of(plan)))
        .ifPresent(plan -> missing.add("plan: " + plan + " does not exist; check the path"));
    recipe.chatTemplate().filter(file -> !Files.isRegularFile(Path.of(file)))
        .ifPresent(file -> missing.add("chat_template: " + file + " does not exist; check the path"));
    for (Recipe.Task task : recipe.tasks()) {
      if (task.dataset().isPresent()) {
        continue;
      }
      String prefix = "tasks." + task.name() + ".";
      requireFiles(missing, prefix + "train", recipe, task.train());
      requireFiles(missing, prefix + "test", recipe, task.test());
      requireFiles(missing, prefix + "validation", recipe, task.validation());
    }
    if (!missing.isEmpty()) {
      throw new RecipeException(missing);
    }
  }

  private static void requireFiles(
      List<String> missing, String key, Recipe recipe, List<String> names) {
    for (Path file : recipe.files(names)) {
      if (!Files.isRegularFile(file)) {
        missing.add(key + ": " + file + " is not a file; give its folder as data or --data");
      }
    }
  }

  private Recipe recipe(String yaml, String source, List<String> overrides) {
    RecipeNode root = RecipeNode.parse(yaml, source, problems);
    if (root instanceof RecipeNode.Fields fields) {
      fields.values().forEach(this::takeTop);
    } else {
      problems.add(source + ": is " + root.shown() + ", not keys with values; see docs/recipe.md");
    }
    overrides.forEach(this::override);
    for (String path : values.keySet()) {
      if (!RecipeKeys.isKnown(path)) {
        problems.add(path + ": unknown key; " + RecipeKeys.remedy(path));
      }
    }
    Recipe recipe = build();
    if (!problems.isEmpty()) {
      throw new RecipeException(new ArrayList<>(new LinkedHashSet<>(problems)));
    }
    return recipe;
  }

  private void takeTop(String key, RecipeNode node) {
    boolean section = RecipeKeys.isSection(key);
    if (node instanceof RecipeNode.Fields fields && (section || RecipeKeys.isForeignSection(key))) {
      fields.values().forEach((inner, value) -> take(key + "." + inner, value));
    } else if (section) {
      boolean empty = node instanceof RecipeNode.Scalar scalar && scalar.absent();
      if (!empty) {
        problems.add(key + ": " + node.shown() + " is not a section; put keys below it");
      }
    } else {
      take(key, node);
    }
  }

  private void take(String path, RecipeNode node) {
    String canonical = canonical(path);
    if (values.put(canonical, node) != null) {
      problems.add(path + ": means " + canonical + ", which is given already; keep one");
    }
  }

  private String canonical(String path) {
    String canonical = RecipeKeys.canonical(path);
    if (!canonical.equals(path)) {
      notes.accept(path + " is taken as " + canonical);
    }
    return canonical;
  }

  private void override(String assignment) {
    int equals = assignment.indexOf('=');
    if (equals < 1) {
      problems.add("--set " + assignment + ": is not key=value; write it as train.max_steps=100");
      return;
    }
    String path = assignment.substring(0, equals).strip().replaceFirst("^--", "").replace('-', '_');
    RecipeNode value = overrideValue(assignment.substring(equals + 1), path);
    if (path.startsWith("tasks.")) {
      overrideTask(assignment.substring(0, equals).strip(), value);
      return;
    }
    String canonical = canonical(path);
    if (canonical.equals("train.batch_size")) {
      values.remove(RecipeKeys.PER_DEVICE_BATCH);
    } else if (canonical.equals(RecipeKeys.PER_DEVICE_BATCH)) {
      values.remove("train.batch_size");
    }
    values.put(canonical, value);
  }

  /**
   * Lists, and mappings where one is wanted, are read as YAML; anything else is the text as it stands,
   * colons and hashes included.
   */
  private RecipeNode overrideValue(String text, String path) {
    String value = text.strip();
    boolean isMapping = value.startsWith("{")
        && (path.endsWith(".columns") || path.equals("chat_template_kwargs"));
    if (value.startsWith("[") || isMapping) {
      return RecipeNode.parse(value, "--set " + path, problems);
    }
    return new RecipeNode.Scalar(value, value.equals("null"));
  }

  private void overrideTask(String path, RecipeNode value) {
    int dot = path.lastIndexOf('.');
    String which = path.substring(Math.min("tasks.".length(), dot), dot);
    String key = path.substring(dot + 1).replace('-', '_');
    List<RecipeNode> tasks =
        values.get("tasks") instanceof RecipeNode.Items items ? items.values() : List.of();
    for (int i = 0; i < tasks.size(); i++) {
      if (tasks.get(i) instanceof RecipeNode.Fields task
          && (which.equals(String.valueOf(i)) || which.equals(RecipeTasks.nameOf(task)))) {
        task.values().put(key, value);
        return;
      }
    }
    problems.add("--set " + path + ": no task " + which + "; there are "
        + String.join(", ", RecipeTasks.names(tasks)) + ", or 0 to " + (tasks.size() - 1));
  }

  private RecipeValues section(String name) {
    Map<String, RecipeNode> inner = new LinkedHashMap<>();
    String prefix = name.isEmpty() ? "" : name + ".";
    values.forEach((path, node) -> {
      if (path.startsWith(prefix)) {
        inner.put(path.substring(prefix.length()), node);
      }
    });
    return new RecipeValues(prefix, inner, problems);
  }

  private Recipe build() {
    RecipeValues top = section("");
    Recipe.Method method = top.choice("method", Recipe.Method.THANORA);
    List<Recipe.Task> tasks = RecipeTasks.read(values.get("tasks"), problems);
    Recipe.Lora lora = lora();
    boolean isThanora = method.isThanora();
    Recipe.Hasi hasi = isThanora
        ? hasi(method) : ignored(method, "hasi", hasi(method), Recipe.Hasi.defaults(method));
    Recipe.Spr spr = isThanora ? spr(method) : ignored(method, "spr", spr(method), Recipe.Spr.defaults(method));
    String device = top.text("device", "auto");
    if (!device.matches("auto|cpu|cuda(:\\d+)?")) {
      top.problem("device", device + " is not auto, cpu, cuda or cuda:N");
    }
    if (isThanora) {
      checkRank(lora, hasi, tasks.size());
      checkTogether(() -> Settings.hasi(hasi));
      checkTogether(() -> Settings.spr(spr));
    }
    Recipe.Train train = train(tasks);
    checkGradients(method, train, lora, tasks.size());
    top.text("model").flatMap(HubNames::hidden).ifPresent(notes);
    if (!top.has("model")) {
      top.problem("model", "is missing; give a Hugging Face folder, a .gguf file, a name on the hub or demo");
    }
    return new Recipe(
        top.text("model", Recipe.DEMO_MODEL), top.text("data", "."), method,
        top.whole("seed", 0, 0, Long.MAX_VALUE), device, dtype(top), top.integer("threads", 0, 0),
        top.text("plan"), top.text("chat_template"), kwargs(top), tasks, ImageOptions.read(section("images")), lora, hasi, spr, train, eval(), merge());
  }

  private static Map<String, Object> kwargs(RecipeValues top) {
    Map<String, Object> kwargs = new LinkedHashMap<>();
    top.fields("chat_template_kwargs").forEach((name, value) -> {
      if (value instanceof RecipeNode.Scalar scalar) {
        kwargs.put(name, scalar.absent() ? null : RecipeValues.guessed(scalar.text()));
      } else {
        top.problem("chat_template_kwargs." + name, value.shown() + " is not one value; give one");
      }
    });
    return kwargs;
  }

  /** Short names of element types are common enough to be read without a note. */
  private static Recipe.Dtype dtype(RecipeValues values) {
    String word = values.has("dtype") ? values.text("dtype").orElse("auto") : "auto";
    return switch (word) {
      case "fp32", "f32", "float" -> Recipe.Dtype.FLOAT32;
      case "bf16" -> Recipe.Dtype.BFLOAT16;
      default -> values.choice("dtype", Recipe.Dtype.AUTO);
    };
  }

  private <T> T ignored(Recipe.Method method, String section, T given, T defaults) {
    if (values.keySet().stream().anyMatch(path -> path.startsWith(section + "."))) {
      notes.accept(section + " is ignored: method " + RecipeKeys.word(method) + " has no use for it");
    }
    return given.equals(defaults) ? given : defaults;
  }

  /** Gradients of tasks need a form that keeps them apart; owned ones blocks of tasks, too. */
  private void checkGradients(Recipe.Method method, Recipe.Train train, Recipe.Lora lora, int tasks) {
    String word = RecipeKeys.word(method);
    if (train.gradients() != Recipe.Gradients.SUM && !method.tellsTasksApart()) {
      problems.add("train.gradients: " + RecipeKeys.word(train.gradients()) + " is not there for method "
          + word + "; use sum");
    } else if (train.gradients() == Recipe.Gradients.OWNED && !method.isThanora()) {
      problems.add("train.gradients: owned needs blocks of tasks, which method " + word
          + " has not; use thanora");
    }
    if (train.conflictSteps() > 0 && !method.tellsTasksApart()) {
      problems.add("train.conflict_steps: gradients of tasks are not there for method " + word + "; use 0");
    }
    if (method == Recipe.Method.LORA_PER_TASK && lora.r() < tasks) {
      problems.add("lora.r: rank " + lora.r() + " is smaller than " + tasks
          + " = tasks; raise lora.r or drop a task");
    }
  }

  /** Every task needs its least rank in every module, beside the cooperative block. */
  private void checkRank(Recipe.Lora lora, Recipe.Hasi hasi, int tasks) {
    int least = tasks + (hasi.coop() ? 1 : 0);
    String sum = hasi.coop() ? "tasks + 1" : "tasks";
    int forTasks = lora.r() - (hasi.coop() ? lora.r() / (tasks + 1) : 0);
    if (lora.r() < least) {
      problems.add("lora.r: rank " + lora.r() + " is smaller than " + least + " = " + sum
          + "; raise lora.r or drop a task");
    } else if (forTasks < (long) tasks * hasi.rMin()) {
      problems.add("hasi.r_min: " + tasks + " tasks of rank " + hasi.rMin()
          + " do not fit into the " + forTasks + " that rank " + lora.r()
          + " has for tasks; lower it or raise lora.r");
    }
  }

  /** Whether values that are right by themselves go together. */
  private void checkTogether(Runnable settings) {
    try {
      settings.run();
    } catch (IllegalArgumentException e) {
      problems.add(e.getMessage());
    }
  }

  private Recipe.Lora lora() {
    RecipeValues lora = section("lora");
    int r = lora.integer("r", 32, 1);
    List<String> targets = lora.words("target_modules", List.of(Recipe.Lora.ALL_LINEAR));
    boolean all = targets.stream().anyMatch(Set.of("all", "all_linear", "true", "*")::contains);
    return new Recipe.Lora(
        r,
        lora.number("alpha", 2.0 * r, Range.POSITIVE),
        all ? List.of(Recipe.Lora.ALL_LINEAR) : targets,
        lora.number("dropout", 0, Range.ZERO));
  }

  private Recipe.Hasi hasi(Recipe.Method method) {
    Recipe.Hasi d = Recipe.Hasi.defaults(method);
    RecipeValues hasi = section("hasi");
    return new Recipe.Hasi(
        hasi.integer("preview_rows", d.previewRows(), 1),
        hasi.choice("preview_tokens", d.previewTokens()),
        hasi.choice("statistic", d.statistic()),
        hasi.choice("spectra", d.spectra()),
        hasi.choice("entropy", d.entropy()),
        hasi.number("damping", d.damping(), Range.NOT_NEGATIVE),
        hasi.flag("drop_first_token", d.dropFirstToken()),
        hasi.flag("centre", d.centre()),
        hasi.choice("covariance", d.covariance()),
        hasi.choice("allocation", d.allocation()),
        hasi.number("tau", d.tau(), Range.POSITIVE),
        hasi.choice("granularity", d.granularity()),
        hasi.choice("ranks", d.ranks()),
        hasi.integer("r_min", d.rMin(), 1),
        hasi.choice("rounding", d.rounding()),
        hasi.flag("coop", d.coop()),
        hasi.choice("subspaces", d.subspaces()),
        hasi.flag("deflation", d.deflation()),
        hasi.integer("deflation_vectors", d.deflationVectors(), 1),
        hasi.choice("split", d.split()),
        hasi.number("b", d.b(), Range.NOT_NEGATIVE),
        hasi.number("gamma", d.gamma(), Range.POSITIVE),
        hasi.choice("subtract", d.subtract()));
  }

  private Recipe.Spr spr(Recipe.Method method) {
    Recipe.Spr d = Recipe.Spr.defaults(method);
    RecipeValues spr = section("spr");
    return new Recipe.Spr(
        spr.number("lambda", d.lambda(), Range.NOT_NEGATIVE),
        spr.choice("norm", d.norm()),
        spr.choice("mode", d.mode()),
        spr.choice("pairs", d.pairs()),
        spr.flag("include_coop", d.includeCoop()),
        spr.choice("between", d.between()),
        spr.choice("schedule", d.schedule()));
  }

  private Recipe.Train train(List<Recipe.Task> tasks) {
    Recipe.Train d = Recipe.Train.defaults();
    RecipeValues train = section("train");
    int accumulation =
        train.integer("gradient_accumulation_steps", d.gradientAccumulationSteps(), 1);
    Recipe.Train read =
        new Recipe.Train(
            train.number("learning_rate", d.learningRate(), Range.POSITIVE),
            train.number("loraplus_lr_ratio", d.loraplusLrRatio(), Range.POSITIVE),
            train.integer("max_steps", d.maxSteps(), 0),
            train.number("num_train_epochs", d.numTrainEpochs(), Range.POSITIVE),
            batchSize(train, d.batchSize(), accumulation),
            train.integer("micro_batch_tokens", d.microBatchTokens(), 0),
            accumulation,
            train.choice("lr_scheduler_type", d.lrSchedulerType()),
            train.number("warmup_ratio", d.warmupRatio(), Range.UNIT),
            train.number("max_grad_norm", d.maxGradNorm(), Range.NOT_NEGATIVE),
            train.number("weight_decay", d.weightDecay(), Range.NOT_NEGATIVE),
            train.number("adam_beta1", d.adamBeta1(), Range.BELOW_ONE),
            train.number("adam_beta2", d.adamBeta2(), Range.BELOW_ONE),
            train.number("adam_epsilon", d.adamEpsilon(), Range.POSITIVE),
            train.choice("loss", d.loss()),
            train.number("loss_power", d.lossPower(), Range.UNIT),
            train.integer("max_length", d.maxLength(), 2),
            train.choice("long_rows", d.longRows()),
            train.choice("mixing", d.mixing()),
            train.number("mixing_temperature", d.mixingTemperature(), Range.AT_LEAST_ONE),
            train.integer("validation_rows", d.validationRows(), 0),
            train.integer("eval_steps", d.evalSteps(), 0),
            train.integer("save_steps", d.saveSteps(), 0),
            train.integer("save_total_limit", d.saveTotalLimit(), 1),
            train.integer("early_stopping_patience", d.earlyStoppingPatience(), 0),
            train.choice("metric_for_best_model", d.metricForBestModel()),
            train.flag("load_best_model_at_end", d.loadBestModelAtEnd()),
            train.choice("gradients", d.gradients()),
            train.number("rho", d.rho(), Range.UNIT),
            train.integer("conflict_steps", d.conflictSteps(), 0),
            train.flag("checkpointing", d.checkpointing()));
    checkTrain(train, read, tasks);
    return read;
  }

  private int batchSize(RecipeValues train, int fallback, int accumulation) {
    String perDevice = RecipeKeys.PER_DEVICE_BATCH.substring("train.".length());
    if (!train.has(perDevice)) {
      return train.integer("batch_size", fallback, 1);
    }
    if (train.has("batch_size")) {
      train.problem(perDevice, "and train.batch_size are both given; keep one");
    }
    int rows = train.integer(perDevice, fallback, 1);
    if ((long) rows * accumulation > Integer.MAX_VALUE) {
      train.problem(perDevice, rows + " times " + accumulation + " is too large; lower one");
      return fallback;
    }
    notes.accept("train.batch_size is " + rows * accumulation + ": " + rows
        + " rows times " + accumulation + " steps of accumulation");
    return rows * accumulation;
  }

  private void checkTrain(RecipeValues train, Recipe.Train read, List<Recipe.Task> tasks) {
    if (read.gradientAccumulationSteps() > read.batchSize()) {
      train.problem("gradient_accumulation_steps", read.gradientAccumulationSteps()
          + " is larger than the " + read.batchSize() + " rows of train.batch_size; lower it");
    }
    boolean judged = read.earlyStoppingPatience() > 0 || read.loadBestModelAtEnd();
    String key = read.loadBestModelAtEnd() ? "load_best_model_at_end" : "early_stopping_patience";
    if (judged && read.evalSteps() == 0) {
      train.problem(key, "needs evaluations during the run; set train.eval_steps");
    }
    boolean held = tasks.stream().noneMatch(task -> task.validation().isEmpty());
    if (judged && read.validationRows() == 0 && !held) {
      train.problem(key, "needs rows to judge by; set train.validation_rows or give every task a"
          + " validation file");
    }
  }

  private Recipe.Eval eval() {
    Recipe.Eval d = Recipe.Eval.defaults();
    RecipeValues eval = section("eval");
    return new Recipe.Eval(
        eval.integer("max_rows", d.maxRows(), 0),
        eval.integer("batch_size", d.batchSize(), 1),
        eval.integer("max_new_tokens", d.maxNewTokens(), 0),
        eval.flag("generate", d.generate()));
  }

  private Recipe.Merge merge() {
    Recipe.Merge d = Recipe.Merge.defaults();
    RecipeValues merge = section("merge");
    return new Recipe.Merge(
        merge.number("max_logit_difference", d.maxLogitDifference(), Range.NOT_NEGATIVE),
        merge.integer("probe_rows", d.probeRows(), 1),
        dtype(merge));
  }
}
