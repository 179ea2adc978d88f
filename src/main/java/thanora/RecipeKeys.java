package thanora;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** The keys of a recipe as dotted paths, the names that other tools have for them, and spelling. */
final class RecipeKeys {
  /** Rows of one forward pass, as other tools count; times the accumulation it is batch_size. */
  static final String PER_DEVICE_BATCH = "train.per_device_train_batch_size";

  private static final Set<String> PATHS = paths();
  private static final Map<String, String> ALIASES = aliases();
  private static final Map<String, String> HINTS = hints();

  private RecipeKeys() {}

  /** {@code maxSteps} to {@code max_steps}. */
  static String snake(String camel) {
    return camel.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }

  /** The word for a choice: {@code WC_HALF} is {@code wc_half}; methods are written with a dash. */
  static String word(Enum<?> choice) {
    String word = choice.name().toLowerCase(Locale.ROOT);
    return choice instanceof Recipe.Method ? word.replace('_', '-') : word;
  }

  /** Keys of a record in order. */
  static List<String> of(Class<? extends Record> type) {
    return Arrays.stream(type.getRecordComponents()).map(c -> snake(c.getName())).toList();
  }

  /** Whether the dotted path is a key. */
  static boolean isKnown(String path) {
    return PATHS.contains(path) || path.equals(PER_DEVICE_BATCH);
  }

  /** Whether the name is that of a section, such as {@code train}. */
  static boolean isSection(String name) {
    return PATHS.stream().anyMatch(path -> path.startsWith(name + "."));
  }

  /** Whether another tool's section of this name is read, such as mlx-lm's lora_parameters. */
  static boolean isForeignSection(String name) {
    return ALIASES.keySet().stream().anyMatch(alias -> alias.startsWith(name + "."));
  }

  /** The path that a name of this or another tool stands for; the name itself if unknown. */
  static String canonical(String path) {
    if (isKnown(path)) {
      return path;
    }
    String alias = ALIASES.get(path);
    if (alias != null) {
      return alias;
    }
    String inTrain = "train." + path;
    return isKnown(inTrain) ? inTrain : path;
  }

  /** Whether there is advice about a key of another tool. */
  static boolean isHinted(String name) {
    return HINTS.containsKey(name);
  }

  /** What to do about an unknown path: a known hint, the nearest path, or the keys there are. */
  static String remedy(String path) {
    String name = path.substring(path.lastIndexOf('.') + 1);
    if (HINTS.containsKey(path) || HINTS.containsKey(name)) {
      return HINTS.getOrDefault(path, HINTS.get(name));
    }
    return nearest(path, PATHS)
        .or(() -> nearestByName(name))
        .map(near -> "did you mean " + near + "?")
        .orElse("see docs/recipe.md for all keys");
  }

  /** The key whose last part, or whose name with another tool, is nearest. */
  static Optional<String> nearestByName(String name) {
    Map<String, String> byName = new TreeMap<>();
    PATHS.forEach(path -> byName.put(path.substring(path.lastIndexOf('.') + 1), path));
    ALIASES.forEach((alias, path) -> byName.putIfAbsent(alias, path));
    return nearest(name, byName.keySet()).map(byName::get);
  }

  /** The candidate with the smallest edit distance, if that is a third of the word at most. */
  static Optional<String> nearest(String word, Collection<String> candidates) {
    Optional<String> best = Optional.empty();
    int smallest = Math.max(2, word.length() / 3) + 1;
    for (String candidate : candidates) {
      int distance = distance(word, candidate);
      if (distance < smallest) {
        smallest = distance;
        best = Optional.of(candidate);
      }
    }
    return best;
  }

  /** Levenshtein's distance: insertions, deletions and substitutions. */
  static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    Arrays.setAll(row, j -> j);
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substituted, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }

  private static Set<String> paths() {
    Set<String> paths = new LinkedHashSet<>();
    for (RecordComponent component : Recipe.class.getRecordComponents()) {
      String name = snake(component.getName());
      if (component.getType().isRecord()) {
        for (String key : of(component.getType().asSubclass(Record.class))) {
          paths.add(name + "." + key);
        }
      } else {
        paths.add(name);
      }
    }
    return paths;
  }

  private static Map<String, String> aliases() {
    Map<String, String> names = new TreeMap<>();
    put(names, "model", "model_name_or_path", "base_model", "model_path");
    put(names, "dtype", "torch_dtype", "precision");
    put(names, "lora.r",
        "lora_r", "lora_rank", "r", "rank", "lora.rank", "lora.lora_r", "lora.lora_rank",
        "lora_parameters.rank");
    put(names, "lora.alpha", "lora_alpha", "lora.lora_alpha", "alpha");
    put(names, "lora.dropout", "lora_dropout", "lora.lora_dropout", "lora_parameters.dropout");
    put(names, "lora.target_modules",
        "lora_target_modules", "lora_target", "lora_target_linear", "target_modules",
        "lora.target", "lora.targets", "lora.lora_target", "lora_parameters.keys");
    put(names, "spr.lambda", "spr_lambda");
    put(names, "eval.batch_size", "per_device_eval_batch_size", "eval_batch_size");
    put(names, "eval.max_new_tokens", "max_new_tokens", "generation_max_length");
    put(names, "lora.target_modules", "lora_attn_modules");
    put(names, "images.freeze_vision_tower", "freeze_vision_tower");
    put(names, "images.freeze_multi_modal_projector", "freeze_multi_modal_projector");
    put(names, "images.freeze_language_model", "freeze_language_model");
    put(names, PER_DEVICE_BATCH, "per_device_train_batch_size", "micro_batch_size",
        "train.micro_batch_size");
    train(names, "max_length", "cutoff_len", "sequence_len", "max_seq_length");
    train(names, "num_train_epochs", "num_epochs", "epochs");
    train(names, "max_steps", "iters", "steps");
    train(names, "lr_scheduler_type", "lr_scheduler", "lr_schedule");
    train(names, "learning_rate", "lr");
    train(names, "max_grad_norm", "gradient_clipping");
    train(names, "checkpointing", "gradient_checkpointing", "enable_activation_checkpointing", "grad_checkpoint");
    train(names, "adam_beta1", "beta1");
    train(names, "adam_beta2", "beta2");
    train(names, "adam_epsilon", "adam_eps");
    return names;
  }

  /** Keys of other tools that mean something else here, or nothing. */
  private static Map<String, String> hints() {
    Map<String, String> hints = new TreeMap<>();
    put(hints, "give the folder as --run-dir", "output_dir", "run_dir", "logging_dir");
    put(hints, "use train.warmup_ratio, a share of the steps", "warmup_steps", "num_warmup_steps");
    put(hints, "use train.validation_rows or a validation file a task",
        "val_size", "val_set_size", "test_size", "eval_dataset");
    put(hints, "use train.eval_steps", "eval_strategy", "evaluation_strategy", "do_eval");
    put(hints, "use train.save_steps", "save_strategy");
    put(hints, "use dtype: bfloat16", "bf16", "fp16", "pure_bf16", "compute_dtype", "bnb_4bit_compute_dtype");
    put(hints, "list the tasks under tasks", "dataset", "datasets", "dataset_dir", "train_file");
    put(hints, "write it after the name, as in model: ORG/NAME@REVISION", "model_revision");
    put(hints, "leave it out; the optimiser is AdamW", "optim", "optimizer");
    put(hints, "leave it out; weights are not quantised",
        "load_in_4bit", "load_in_8bit", "quantization_bit", "quantization_method");
    put(hints, "set tasks.NAME.max_train_rows", "max_samples", "max_train_samples");
    put(hints, "set tasks.NAME.image_dir", "media_dir", "image_dir", "image_folder");
    put(hints, "set lora.alpha to it times lora.r", "lora_parameters.scale", "scale");
    put(hints, "give --resume", "resume_from_checkpoint", "resume_adapter_file");
    put(hints, "use method: dora", "use_dora");
    put(hints, "use method: rslora", "use_rslora");
    put(hints, "use method: pissa or another one of docs/methods.md", "init_lora_weights", "pissa_init");
    put(hints, "use method: lora or another one of docs/methods.md",
        "finetuning_type", "adapter", "fine_tune_type", "use_peft", "train_type");
    put(hints, "leave it out; the model's own chat template is used",
        "template", "chat_template", "prompt_template");
    put(hints, "leave it out; every step is logged", "logging_steps", "steps_per_report");
    put(hints, "leave it out; rows are never padded", "packing", "sample_packing", "pad_to_sequence_len",
        "group_by_length", "neat_packing");
    put(hints, "leave it out; completions alone are trained on", "mask_prompt", "train_on_prompt",
        "train_on_inputs", "completion_only_loss");
    put(hints, "leave it out; it has no meaning here", "stage", "do_train", "trust_remote_code",
        "report_to", "overwrite_output_dir", "overwrite_cache", "plot_loss", "ddp_timeout", "flash_attn",
        "attn_implementation", "flash_attention", "preprocessing_num_workers", "dataloader_num_workers",
        "model_type", "tokenizer_type", "strict", "bias", "task_type");
    return hints;
  }

  private static void put(Map<String, String> names, String path, String... aliases) {
    for (String alias : aliases) {
      names.put(alias, path);
    }
  }

  private static void train(Map<String, String> names, String key, String... aliases) {
    for (String alias : aliases) {
      put(names, "train." + key, alias, "train." + alias);
    }
  }
}
