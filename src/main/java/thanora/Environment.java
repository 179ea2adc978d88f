package thanora;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;

/** What a run was computed with: {@code environment.json}. */
final class Environment {
  private Environment() {}

  /** The version of this program. */
  static String version() {
    return version(Environment.class);
  }

  private static String version(Class<?> of) {
    return Optional.ofNullable(of.getPackage().getImplementationVersion()).orElse("development");
  }

  /** As JSON, of this process. */
  static String json(Recipe recipe, LoadedModel model) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("thanora", version());
    values.put("started", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    values.put("architecture", model.decoder().config().modelType());
    values.put("device", model.device());
    values.put("dtype", model.decoder().placement().dtype() == DType.F32 ? "float32" : "bfloat16");
    values.put("threads", recipe.threads() > 0 ? recipe.threads() : Runtime.getRuntime().availableProcessors());
    values.put("libtorch", version(Tensor.class));
    values.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
    values.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
        + System.getProperty("os.arch"));
    try {
      return new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(values) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("strings and numbers are JSON", e);
    }
  }
}
