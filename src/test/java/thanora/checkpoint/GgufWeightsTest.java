package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class GgufWeightsTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "LLAMA, token_embd.weight, model.embed_tokens.weight",
    "LLAMA, output_norm.weight, model.norm.weight",
    "LLAMA, output.weight, lm_head.weight",
    "LLAMA, blk.11.attn_norm.weight, model.layers.11.input_layernorm.weight",
    "LLAMA, blk.0.attn_q.bias, model.layers.0.self_attn.q_proj.bias",
    "LLAMA, blk.0.attn_output.weight, model.layers.0.self_attn.o_proj.weight",
    "LLAMA, blk.0.attn_q_norm.weight, model.layers.0.self_attn.q_norm.weight",
    "LLAMA, blk.0.attn_k_norm.weight, model.layers.0.self_attn.k_norm.weight",
    "LLAMA, blk.0.ffn_norm.weight, model.layers.0.post_attention_layernorm.weight",
    "LLAMA, blk.0.ffn_gate.weight, model.layers.0.mlp.gate_proj.weight",
    "GEMMA3, blk.0.ffn_norm.weight, model.layers.0.pre_feedforward_layernorm.weight",
    "GEMMA2, blk.0.post_attention_norm.weight, model.layers.0.post_attention_layernorm.weight",
    "GEMMA2, blk.0.post_ffw_norm.weight, model.layers.0.post_feedforward_layernorm.weight",
    "GEMMA3, blk.0.attn_norm.weight, model.layers.0.input_layernorm.weight",
    "PHI3, blk.0.attn_qkv.weight, model.layers.0.self_attn.qkv_proj.weight",
    "PHI3, blk.0.ffn_up.weight, model.layers.0.mlp.gate_up_proj.weight",
    "PHI3, blk.0.ffn_norm.weight, model.layers.0.post_attention_layernorm.weight",
  })
  void namesAreThoseOfHuggingFace(GgufFamily family, String llamaCpp, String huggingFace) {
    assertThat(GgufNames.huggingFace(family, llamaCpp)).isEqualTo(huggingFace);
    assertThat(GgufNames.llamaCpp(family, huggingFace)).isEqualTo(llamaCpp);
  }

  @Test
  void namesOfNoTensorStayAsTheyAre() {
    for (String name : List.of("blk.0.unheard_of.weight", "attn_q.weight")) {
      assertThat(GgufNames.huggingFace(GgufFamily.LLAMA, name)).isEqualTo(name);
    }
  }

  /**
   * Two heads of four rows, each row its number in Hugging Face's order. llama.cpp interleaves the
   * halves (0 1 | 2 3) of a head to 0 2 1 3.
   */
  @Test
  void headRowsGoBackToTheirPlaces() {
    float[] stored = {0, 2, 1, 3, 4, 6, 5, 7};
    try (TensorScope scope = TensorScope.open()) {
      Weights weights = weights("blk.0.attn_q.bias", stored, 2, 8);
      String name = "model.layers.0.self_attn.q_proj.bias";
      assertThat(Tensors.floats(weights.load(name, Placement.CPU_F32)))
          .containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
      weights.close();
      Weights values = weights("blk.0.attn_v.bias", stored, 2, 8);
      assertThat(
          Tensors.floats(values.load("model.layers.0.self_attn.v_proj.bias", Placement.CPU_F32)))
          .containsExactly(stored);
      values.close();
    }
  }

  @Test
  void rowsThatAreNoWholeHeadsAreRefused() {
    try (Weights weights = weights("blk.0.attn_k.weight", new float[6], 2, 2, 3)) {
      assertThatThrownBy(
          () -> weights.load("model.layers.0.self_attn.k_proj.weight", Placement.CPU_F32))
          .hasMessageContaining("3 rows of 2 values does not consist of 2 heads");
    }
  }

  private Weights weights(String name, float[] values, int heads, long... innermostFirst) {
    Bytes bytes =
        GgufHeaderTest.tensor(GgufHeaderTest.start(1, 0), name, 0, 0, innermostFirst).align(32);
    for (float value : values) {
      bytes.f32(value);
    }
    return new GgufWeights(
        GgufHeader.read(FileBytes.open(bytes.write(folder.resolve(name)))),
        new GgufTarget(GgufFamily.LLAMA, TextConfig.ALONE, heads, heads, Map.of()));
  }
}
