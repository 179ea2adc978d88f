package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.SmolLm2;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The real SmolLM2-135M-Instruct; where {@code -Dthanora.smollm2=FOLDER} holds under {@code hf}
 * what transformers made of it, against that too.
 */
@Tag("slow")
class SmolLm2Test {
  private static final List<String> SAME = List.of("model_type", "hidden_act", "hidden_size",
      "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
      "head_dim", "vocab_size", "max_position_embeddings", "tie_word_embeddings", "attention_bias",
      "mlp_bias", "bos_token_id", "eos_token_id", "pad_token_id");

  private final Path folder = SmolLm2.folder();

  /** What transformers made of it. */
  private static Checkpoint saved() {
    Optional<Path> saved = SmolLm2.saved();
    assumeTrue(saved.isPresent(), "needs -Dthanora.smollm2=FOLDER with a folder hf in it");
    return Checkpoint.open(saved.get());
  }

  @Test
  void tokenIdsAreThoseOfTheTokenizerTheModelWasTrainedWith() throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(
            checkpoint.tokenizerJson().getBytes(StandardCharsets.UTF_8)), Map.of())) {
      JsonNode rows = Json.MAPPER.readTree(Files.readString(Golden.path("tokens/smollm2.json")));
      assertThat(rows.size()).isGreaterThan(30);
      for (JsonNode row : rows) {
        String text = row.get("text").textValue();
        long[] ids = Json.MAPPER.treeToValue(row.get("ids"), long[].class);
        assertThat(tokenizer.encode(text, true, false).getIds()).as("'%s'", text).isEqualTo(ids);
        assertThat(tokenizer.decode(ids, false)).isEqualTo(row.get("decoded").textValue());
      }
    }
  }

  /** transformers saved bfloat16: each weight is within half a unit in the last place of 8 bits. */
  @Test
  void weightsAreThoseOfTransformersUpToItsRounding() {
    try (Checkpoint saved = saved(); Checkpoint gguf = Checkpoint.open(folder)) {
      assertThat(gguf.weights().names()).isEqualTo(Set.copyOf(saved.weights().names()));
      for (String name : saved.weights().names()) {
        try (TensorScope scope = TensorScope.open()) {
          Tensor expected = saved.weights().load(name, Placement.CPU_F32);
          Tensor actual = gguf.weights().load(name, Placement.CPU_F32);
          Tensor excess =
              Ops.sub(Ops.sub(actual, expected).abs(), Ops.scale(expected.abs(), 0x1p-8));
          assertThat(Tensors.item(excess.max())).as(name).isLessThanOrEqualTo(0);
        }
      }
    }
  }

  @Test
  void configAgreesWithTransformers() {
    try (Checkpoint saved = saved(); Checkpoint gguf = Checkpoint.open(folder)) {
      for (String key : SAME) {
        assertThat(gguf.config().get(key).asText()).as(key)
            .isEqualTo(saved.config().get(key).asText());
      }
      assertThat(gguf.config().get("rope_theta").doubleValue()).isEqualTo(100000);
      assertThat(gguf.chatTemplate()).isEqualTo(saved.chatTemplate());
    }
  }

  @Test
  void allWeightsAreReadInThreeSeconds() {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      long start = System.nanoTime();
      for (String name : checkpoint.weights().names()) {
        try (TensorScope scope = TensorScope.open()) {
          checkpoint.weights().load(name, Placement.CPU_F32);
        }
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      assertThat(seconds).isLessThan(3);
      System.getLogger("smollm2").log(System.Logger.Level.INFO, "weights read in {0} s", seconds);
    }
  }

  /** The folder was made from the file, which llama.cpp's converter made. */
  @Test
  void whatAFolderIsWrittenWithIsWhatLlamaCppsConverterWrote(@TempDir Path temp) {
    try (Checkpoint saved = saved(); Checkpoint file = Checkpoint.open(folder)) {
      Map<String, Object> ours = written(saved.ggufMetadata(), temp.resolve("ours.gguf"));
      Map<String, Object> theirs = written(file.ggufMetadata(), temp.resolve("theirs.gguf"));
      assertThat(ours).containsKeys("llama.rope.freq_base", "tokenizer.ggml.pre", "tokenizer.chat_template");
      // transformers made a tokenizer without the file's split at digits
      ours.keySet().removeIf(key ->
          key.startsWith("general.") || key.equals("tokenizer.ggml.pre") || !theirs.containsKey(key));
      theirs.keySet().retainAll(ours.keySet());
      assertThat(ours).hasSizeGreaterThan(15).isEqualTo(theirs);
    }
  }

  private static Map<String, Object> written(GgufValues values, Path path) {
    GgufWriter.write(path, values, List.of(), name -> null);
    try (FileBytes file = FileBytes.open(path)) {
      return GgufHeader.read(file).metadata();
    }
  }
}
