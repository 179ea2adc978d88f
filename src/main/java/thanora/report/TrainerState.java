package thanora.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import thanora.checkpoint.AtomicFiles;

/**
 * The log of a run under the names of Hugging Face's Trainer, {@code trainer_state.json}, which its
 * {@code TrainerState} and the plotters of others read.
 */
public final class TrainerState {
  /** Name of the file in a run folder. */
  public static final String FILE = "trainer_state.json";

  private static final ObjectMapper JSON = new ObjectMapper();

  private TrainerState() {}

  /** Writes the file of a run as far as it has come. */
  public static void write(Path folder) {
    AtomicFiles.write(folder.resolve(FILE), of(RunFiles.read(folder)).toPrettyString() + "\n");
  }

  /** Keys in the order of the alphabet, as Trainer has them. */
  private static ObjectNode of(RunFiles run) {
    JsonNode train = run.recipe().path("train");
    List<JsonNode> steps = run.steps();
    long last = steps.isEmpty() ? 0 : steps.get(steps.size() - 1).get("step").asLong();
    ObjectNode state = JSON.createObjectNode();
    state.putNull("best_global_step").putNull("best_metric").putNull("best_model_checkpoint").putNull("epoch");
    state.put("eval_steps", train.path("eval_steps").asLong()).put("global_step", last);
    state.put("is_hyper_param_search", false).put("is_local_process_zero", true).put("is_world_process_zero", true);
    state.set("log_history", history(run, last));
    state.put("logging_steps", 1).put("max_steps", Math.max(last, train.path("max_steps").asLong()));
    state.put("num_input_tokens_seen", steps.stream().mapToLong(row -> row.path("tokens").asLong()).sum());
    state.put("num_train_epochs", train.path("num_train_epochs").asDouble());
    state.put("save_steps", train.path("save_steps").asLong());
    state.putObject("stateful_callbacks");
    state.put("total_flos", 0).put("train_batch_size", train.path("batch_size").asLong());
    return state.putNull("trial_name").putNull("trial_params");
  }

  private static ArrayNode history(RunFiles run, long last) {
    ArrayNode history = JSON.createArrayNode();
    for (JsonNode row : run.log()) {
      if (!row.has("event")) {
        ObjectNode entry = history.addObject();
        entry.set("grad_norm", row.path("grad_norm"));
        entry.set("learning_rate", row.path("lr"));
        entry.set("loss", row.path("loss"));
        row.path("task_loss").fields().forEachRemaining(task -> entry.set("loss_" + task.getKey(), task.getValue()));
        entry.set("step", row.get("step"));
      } else if (row.get("event").asText().equals("evaluation")) {
        ObjectNode entry = history.addObject();
        entry.put("eval_loss", RunFiles.mean(row.path("nll")));
        row.path("nll").fields().forEachRemaining(task ->
            entry.set("eval_" + task.getKey() + "_loss", task.getValue()));
        entry.set("step", row.get("step"));
      }
    }
    if (run.isFinished() && last > 0) {
      double seconds = run.steps().stream().mapToDouble(row -> row.path("seconds").asDouble()).sum();
      history.addObject().put("step", last).put("total_flos", 0)
          .put("train_loss", run.steps().stream().mapToDouble(row -> row.path("loss").asDouble()).average().orElse(0))
          .put("train_runtime", seconds)
          .put("train_steps_per_second", run.steps().size() / seconds);
    }
    return history;
  }
}
