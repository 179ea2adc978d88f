package thanora.export;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.ModuleNames;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.SafetensorsWriter;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.Blocks;
import thanora.lora.DoraAdapter;
import thanora.lora.Factors;
import thanora.lora.LoraAdapter;
import thanora.model.Decoder;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The adapter as PEFT saves one: {@code adapter_config.json} and {@code adapter_model.safetensors}.
 *
 * <p>Factors that start away from zero are written as A = [A; A⁰], B = [B, −B⁰], so the adapter fits
 * the unchanged base; rank and alpha grow alike, the scale stays. Float32: their difference is small
 * against them and would be lost in bfloat16.
 */
public final class PeftAdapter {
  /** Name of the configuration file; a folder that holds it is an adapter. */
  public static final String CONFIG = "adapter_config.json";

  /** Name of the rank plan beside it. */
  public static final String PLAN = "thanora.json";

  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final String MAGNITUDE = ".lora_magnitude_vector";
  private static final String PREFIX = "base_model.model.";

  private static final Pattern FACTOR = Pattern.compile(
      Pattern.quote(PREFIX) + "(.+)\\.lora_(?:[AB]\\.weight|magnitude_vector)");

  /** Starts of PEFT's that do not change the base; pissa, olora, corda, loftq and others do. */
  private static final Set<String> KEEPS_BASE =
      Set.of("true", "false", "gaussian", "orthogonal", "eva");

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private PeftAdapter() {}

  /**
   * Writes an adapter into an existing folder.
   *
   * @param base name or path of the base model, for PEFT's configuration
   * @param plan written beside it as {@code thanora.json}, which PEFT ignores
   */
  public static void write(
      Path folder, Adapter adapter, Decoder model, String base, Optional<RankPlan> plan) throws IOException {
    try (TensorScope scope = TensorScope.open()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (String module : adapter.modules()) {
        if (adapter instanceof DoraAdapter dora) {
          DoraAdapter.Export factors = dora.export(module, 0);
          put(tensors, module, factors.a(), factors.b());
          tensors.put(PREFIX + module + MAGNITUDE, Tensors.to(factors.m(), Placement.CPU_F32));
        } else {
          LoraAdapter.Export factors = plain(adapter).export(module);
          put(tensors, module, factors.a(), factors.b());
        }
      }
      SafetensorsWriter.write(folder.resolve(WEIGHTS), tensors, Map.of("format", "pt"));
    }
    Files.writeString(folder.resolve(CONFIG),
        JSON.writeValueAsString(config(adapter, model, base)) + "\n");
    Files.writeString(folder.resolve("README.md"), card(base, plan));
    if (plan.isPresent()) {
      plan.get().write(folder.resolve(PLAN));
    }
  }

  /**
   * The least {@code --max-lora-rank} with which vLLM takes an adapter; empty if none does.
   *
   * <p>Source: {@code MaxLoRARanks} in vLLM's vllm/config/lora.py.
   */
  public static OptionalInt vllmRank(Adapter adapter) {
    return adapter instanceof DoraAdapter ? OptionalInt.empty()
        : IntStream.of(1, 8, 16, 32, 64, 128, 256, 320, 512).filter(r -> r >= plain(adapter).exportRank()).findFirst();
  }

  private static void put(Map<String, Tensor> tensors, String module, Tensor a, Tensor b) {
    tensors.put(PREFIX + module + ".lora_A.weight", Tensors.to(a, Placement.CPU_F32));
    tensors.put(PREFIX + module + ".lora_B.weight", Tensors.to(b, Placement.CPU_F32));
  }

  private static LoraAdapter plain(Adapter adapter) {
    if (adapter instanceof LoraAdapter lora && lora.merges()) {
      return lora;
    }
    throw new UnsupportedOperationException("an adapter that routes has no form that PEFT reads");
  }

  private static Map<String, Object> config(Adapter adapter, Decoder model, String base) {
    Map<String, Object> config = new TreeMap<>();
    config.put("alpha_pattern", Map.of());
    config.put("base_model_name_or_path", base);
    config.put("bias", "none");
    config.put("fan_in_fan_out", false);
    config.put("inference_mode", true);
    config.put("init_lora_weights", true);
    boolean dora = adapter instanceof DoraAdapter;
    int r = adapter instanceof DoraAdapter d ? d.rank() : plain(adapter).exportRank();
    double alpha = r * (adapter instanceof DoraAdapter d ? d.scaling() : plain(adapter).scaling());
    config.put("lora_alpha", alpha == Math.rint(alpha) ? (Object) (long) alpha : (Object) alpha);
    config.put("lora_dropout", 0.0);
    config.put("modules_to_save", null);
    config.put("peft_type", "LORA");
    config.put("r", r);
    config.put("rank_pattern", Map.of());
    config.put("revision", null);
    config.put("target_modules", targets(adapter.modules(), model));
    // A task type would have PEFT look for the base among models of text alone.
    config.put("task_type", model.vision().isPresent() ? null : "CAUSAL_LM");
    if (model.vision().isPresent()) {
      config.put("auto_mapping", autoMapping(model.config().modelType()));
    }
    config.put("use_dora", dora);
    config.put("use_rslora", false);
    return config;
  }

  /** Where AutoPeftModel finds the base's class. */
  private static Map<String, String> autoMapping(String modelType) {
    String name = switch (modelType) {
      case "llava" -> "Llava";
      case "smolvlm" -> "SmolVLM";
      case "idefics3" -> "Idefics3";
      default -> throw new IllegalArgumentException("no class of transformers is known for " + modelType);
    };
    return new TreeMap<>(Map.of("base_model_class", name + "ForConditionalGeneration",
        "parent_library", "transformers.models." + modelType + ".modeling_" + modelType));
  }

  /** Last names where they name exactly the adapted modules of the whole model, whole names otherwise. */
  private static Set<String> targets(Set<String> adapted, Decoder model) {
    Set<String> kinds = adapted.stream().map(PeftAdapter::kind).collect(Collectors.toCollection(TreeSet::new));
    boolean exact = model.projectionNames().stream().filter(name -> kinds.contains(kind(name))).count()
        == adapted.size();
    return exact && !model.config().isPart() ? kinds : new TreeSet<>(adapted);
  }

  private static String kind(String module) {
    return module.substring(module.lastIndexOf('.') + 1);
  }

  private static String card(String base, Optional<RankPlan> plan) {
    String tasks = plan.map(p -> "One adapter for the tasks " + String.join(", ", p.tasks()) + ".\n").orElse("");
    return """
        ---
        base_model: %s
        library_name: peft
        tags: [lora, multi-task]
        ---
        %sTrained with ThanoRA. It merges into the base model and needs no task id.
        """.formatted(base, tasks);
  }

  /**
   * Reads an adapter written by this class or by PEFT, not attached yet. The caller never frees it.
   *
   * @throws CheckpointException if it is of another kind, or does not fit the model
   */
  public static Adapter read(Path folder, Decoder model) {
    JsonNode config = readConfig(folder.resolve(CONFIG));
    int r = config.path("r").asInt();
    double scaling = config.path("lora_alpha").asDouble()
        / (config.path("use_rslora").asBoolean() ? Math.sqrt(r) : r);
    try (TensorScope scope = TensorScope.open();
        SafetensorsFile file = SafetensorsFile.open(folder.resolve(WEIGHTS))) {
      Map<String, String> modules = modules(folder, file, model);
      boolean magnitudes = config.path("use_dora").asBoolean();
      require(folder.resolve(CONFIG), "use_dora true where there are magnitudes",
          magnitudes || file.names().stream().noneMatch(name -> name.endsWith(MAGNITUDE)));
      AdapterForm form = magnitudes
          ? new DoraAdapter.Form(r, scaling) : new LoraAdapter.Form(r, 0, scaling, Optional.empty());
      Adapter adapter = form.create(model, List.copyOf(modules.keySet()), 1);
      Tensor none = Tensors.empty(Placement.CPU_F32, 0, 1);
      for (String module : modules.keySet()) {
        String stored = PREFIX + modules.get(module);
        Tensor w = model.projection(module).weight();
        Tensor a = load(folder, file, stored + ".lora_A.weight", r, w.size(1));
        Tensor b = load(folder, file, stored + ".lora_B.weight", w.size(0), r);
        if (adapter instanceof DoraAdapter dora) {
          dora.set(module, a, b.t(), load(folder, file, stored + MAGNITUDE, w.size(0)));
        } else {
          ((LoraAdapter) adapter).set(module, new Factors(a, b.t(), none, none, new Blocks(new int[] {0}, r)));
        }
      }
      return adapter;
    }
  }

  /** Whether its factors are stored in fewer than 32 bits. */
  public static boolean isRounded(Path folder) {
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(WEIGHTS))) {
      return file.isRounded();
    }
  }

  private static JsonNode readConfig(Path path) {
    JsonNode config;
    try {
      config = JSON.readTree(path.toFile());
    } catch (IOException e) {
      throw new CheckpointException(path + ": not an adapter's configuration (" + e.getMessage().lines().findFirst().orElse("") + ")", e);
    }
    require(path, "peft_type LORA", config.path("peft_type").asText().equals("LORA"));
    require(path, "bias none", config.path("bias").asText("none").equals("none"));
    require(path, "an empty rank_pattern", config.path("rank_pattern").isEmpty());
    require(path, "an empty alpha_pattern", config.path("alpha_pattern").isEmpty());
    require(path, "no modules_to_save", !config.hasNonNull("modules_to_save"));
    require(path, "init_lora_weights that leave the base as it is",
        KEEPS_BASE.contains(config.path("init_lora_weights").asText("true")));
    require(path, "no invocation tokens", !config.hasNonNull("alora_invocation_tokens"));
    require(path, "no target_parameters", config.path("target_parameters").isEmpty());
    require(path, "r of 1 or more", config.path("r").asInt() >= 1);
    return config;
  }

  private static void require(Path path, String rule, boolean holds) {
    if (!holds) {
      throw new CheckpointException(path + ": only adapters with " + rule + " can be read; export it as plain LoRA");
    }
  }

  /** The adapted linear layers in the model's order, and what the file calls them. */
  private static Map<String, String> modules(Path folder, SafetensorsFile file, Decoder model) {
    Map<String, String> found = new HashMap<>();
    for (String name : file.names()) {
      Matcher known = FACTOR.matcher(name);
      String stored = known.matches() ? known.group(1) : name;
      String module = ModuleNames.module(stored);
      if (model.projectionNames().contains(module)) {
        found.put(module, stored);
      } else if (model.config().vision().filter(tower -> module.startsWith(tower.tower())).isEmpty()) {
        // a tower's layers behind the one that is read are left out: no logit depends on them
        throw new CheckpointException(folder.resolve(WEIGHTS) + ": tensor " + name
            + " belongs to no linear layer of this model; it is an adapter of another one");
      }
    }
    if (found.isEmpty()) {
      throw new CheckpointException(folder.resolve(WEIGHTS) + ": holds no LoRA factors");
    }
    Map<String, String> ordered = new LinkedHashMap<>();
    model.projectionNames().stream().filter(found::containsKey)
        .forEach(module -> ordered.put(module, found.get(module)));
    return ordered;
  }

  private static Tensor load(Path folder, SafetensorsFile file, String name, long... shape) {
    if (!file.names().contains(name)) {
      throw new CheckpointException(folder.resolve(WEIGHTS) + ": tensor " + name + " is missing");
    }
    if (!Arrays.equals(file.shape(name), shape)) {
      throw new CheckpointException(folder.resolve(WEIGHTS) + ": tensor " + name + " has shape "
          + Arrays.toString(file.shape(name)) + ", this model and r want "
          + Arrays.toString(shape) + "; it is an adapter of another model");
    }
    return file.load(name, Placement.CPU_F32);
  }
}
