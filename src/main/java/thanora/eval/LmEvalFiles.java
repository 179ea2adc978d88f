package thanora.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import thanora.checkpoint.AtomicFiles;
import thanora.checkpoint.CheckpointException;

/**
 * Scores in the files of lm-evaluation-harness: {@code DIR/MODEL/results_TIME.json} and {@code
 * samples_TASK_TIME.jsonl}, which its table maker and other readers of its results take.
 *
 * <p>A task has its metric, if answers were generated, and {@code nll}, the mean −log p of a row's
 * completion in nats. Errors are standard errors of the mean over rows.
 */
public final class LmEvalFiles {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS");
  private static final String FILTER = "none";
  private static final String NLL = "nll";

  private final Model model;
  private final Map<String, ScoredTask> tasks;

  /**
   * What was scored, and how.
   *
   * @param name of the model; that of the folder is made of it
   * @param source where its weights are
   * @param adapter folder of the adapter; empty without one
   * @param batchSize rows answered at once
   * @param device what computed
   * @param limit most rows a task; 0 for all
   * @param seed that chose the rows
   * @param date seconds since 1970 of the beginning
   * @param seconds it took
   */
  public record Model(
      String name, String source, String adapter, int batchSize, String device, int limit, long seed,
      double date, double seconds) {
    String folder() {
      return name.replaceAll("[\"<>:/|\\\\?*\\[\\]]+", "__");
    }

    private String arguments() {
      return "pretrained=" + source + (adapter.isEmpty() ? "" : ",peft=" + adapter);
    }
  }

  private LmEvalFiles(Model model, Map<String, ScoredTask> tasks) {
    this.model = model;
    this.tasks = tasks;
  }

  /**
   * Writes the files.
   *
   * @param folder made if it is not there
   * @return the file of results
   */
  public static Path write(Path folder, Model model, Map<String, ScoredTask> tasks) {
    LmEvalFiles files = new LmEvalFiles(model, tasks);
    Path target = folder.resolve(model.folder());
    try {
      Files.createDirectories(target);
    } catch (IOException e) {
      throw new CheckpointException(target + ": cannot be made; check rights, and that no file has its name", e);
    }
    String time = LocalDateTime.now(ZoneId.systemDefault()).format(TIME).replace(':', '-');
    Map<String, String> hashes = new LinkedHashMap<>();
    tasks.forEach((name, task) -> {
      List<Map<String, Object>> samples = samples(task);
      StringBuilder lines = new StringBuilder();
      samples.forEach(sample -> lines.append(json(sample)).append('\n'));
      AtomicFiles.write(target.resolve("samples_" + name + "_" + time + ".jsonl"), lines.toString());
      hashes.put(name, hash(String.join("", samples.stream()
          .map(s -> "" + s.get("doc_hash") + s.get("prompt_hash") + s.get("target_hash")).toList())));
    });
    Path results = target.resolve("results_" + time + ".json");
    AtomicFiles.write(results, JSON.valueToTree(files.results(hashes)).toPrettyString() + "\n");
    return results;
  }

  private Map<String, Object> results(Map<String, String> hashes) {
    return ordered(
        "results", byTask(this::result),
        "group_subtasks", byTask(name -> List.of()),
        "configs", byTask(this::config),
        "versions", byTask(name -> 1),
        "n-shot", byTask(name -> 0),
        "higher_is_better", byTask(name -> {
          Map<String, Object> better = new LinkedHashMap<>();
          metrics(tasks.get(name)).keySet().forEach(metric -> better.put(metric, !metric.equals(NLL)));
          return better;
        }),
        "n-samples", byTask(name -> ordered(
            "original", tasks.get(name).rows().size(), "effective", tasks.get(name).rows().size())),
        "config", runConfig(),
        "git_hash", null,
        "date", model.date(),
        "task_hashes", hashes,
        "model_source", "thanora",
        "model_name", model.name(),
        "model_name_sanitized", model.folder(),
        "system_instruction", null,
        "system_instruction_sha", null,
        "fewshot_as_multiturn", null,
        "chat_template", null,
        "chat_template_sha", null,
        "total_evaluation_time_seconds", String.valueOf(model.seconds()));
  }

  private Map<String, Object> byTask(Function<String, Object> value) {
    Map<String, Object> values = new LinkedHashMap<>();
    tasks.keySet().forEach(name -> values.put(name, value.apply(name)));
    return values;
  }

  private Map<String, Object> result(String name) {
    ScoredTask task = tasks.get(name);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("alias", name);
    result.put("sample_len", task.rows().size());
    metrics(task).forEach((metric, value) -> {
      double[] values = task.rows().stream().mapToDouble(value).toArray();
      result.put(metric + "," + FILTER, mean(values));
      result.put(metric + "_stderr," + FILTER, values.length > 1 ? standardError(values) : "N/A");
    });
    return result;
  }

  /** What each row of a task has a number of. */
  private static Map<String, ToDoubleFunction<ScoredRow>> metrics(ScoredTask task) {
    Map<String, ToDoubleFunction<ScoredRow>> metrics = new LinkedHashMap<>();
    if (task.rows().stream().anyMatch(row -> row.answer().isPresent())) {
      metrics.put(task.metric().id(), ScoredRow::score);
    }
    metrics.put(NLL, row -> row.nll() / row.tokens());
    return metrics;
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  /** √(Σ (x − mean)² / (n − 1)) / √n. */
  private static double standardError(double[] values) {
    double mean = mean(values);
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return Math.sqrt(squares / (values.length - 1)) / Math.sqrt(values.length);
  }

  private Map<String, Object> config(String name) {
    return ordered(
        "task", name,
        "doc_to_text", "prompt",
        "doc_to_target", "completion",
        "num_fewshot", 0,
        "metric_list", metrics(tasks.get(name)).keySet().stream()
            .map(metric -> ordered("metric", metric, "higher_is_better", !metric.equals(NLL))).toList(),
        "output_type", "generate_until",
        "generation_kwargs", generation(tasks.get(name)),
        "repeats", 1);
  }

  private static Map<String, Object> generation(ScoredTask task) {
    return ordered("until", List.of(), "max_gen_toks", task.maxNewTokens(), "do_sample", false);
  }

  private Map<String, Object> runConfig() {
    return ordered(
        "model", "thanora",
        "model_args", model.arguments(),
        "batch_size", model.batchSize(),
        "batch_sizes", List.of(),
        "device", model.device(),
        "limit", model.limit() > 0 ? model.limit() : null,
        "bootstrap_iters", 0,
        "gen_kwargs", null,
        "random_seed", model.seed(),
        "numpy_seed", model.seed(),
        "torch_seed", model.seed(),
        "fewshot_seed", model.seed());
  }

  /** A map of keys and values in turn, in their order. */
  private static Map<String, Object> ordered(Object... keysAndValues) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      map.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return map;
  }

  private static List<Map<String, Object>> samples(ScoredTask task) {
    List<Map<String, Object>> samples = new ArrayList<>();
    for (ScoredRow row : task.rows()) {
      Map<String, Object> doc = ordered("prompt", row.prompt(), "completion", row.expected());
      String answer = row.answer().orElse("");
      Map<String, Object> sample = ordered(
          "doc_id", row.row(),
          "doc", doc,
          "target", row.expected(),
          "arguments", Map.of("gen_args_0", ordered("arg_0", row.prompt(), "arg_1", generation(task))),
          "resps", List.of(List.of(answer)),
          "filtered_resps", List.of(answer),
          "filter", FILTER,
          "metrics", List.copyOf(metrics(task).keySet()),
          "doc_hash", hash(pythonJson(doc)),
          "prompt_hash", hash(row.prompt()),
          "target_hash", hash(row.expected()));
      metrics(task).forEach((metric, value) -> sample.put(metric, value.applyAsDouble(row)));
      samples.add(sample);
    }
    return samples;
  }

  /** As Python's json.dumps(doc, indent=2, ensure_ascii=False) writes it, which hashes are made of. */
  private static String pythonJson(Map<String, Object> doc) {
    List<String> fields = new ArrayList<>();
    doc.forEach((key, value) -> fields.add("  " + json(key) + ": " + json(value)));
    return "{\n" + String.join(",\n", fields) + "\n}";
  }

  private static String json(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("strings and numbers are JSON", e);
    }
  }

  private static String hash(String text) {
    try {
      return HexFormat.of().formatHex(
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }
}
