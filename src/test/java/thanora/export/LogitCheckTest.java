package thanora.export;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.Golden;
import thanora.checkpoint.SafetensorsFile;
import thanora.data.Sample;
import thanora.model.Decoder;
import thanora.model.ModelConfig;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class LogitCheckTest {
  private static final Path MODEL = Golden.path("models/llama");
  private static final Placement IDS = new Placement("cpu", DType.I64);

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  private static Decoder load() throws IOException {
    ModelConfig config =
        ModelConfig.from(new ObjectMapper().readTree(MODEL.resolve("config.json").toFile()));
    try (SafetensorsFile weights = SafetensorsFile.open(MODEL.resolve("model.safetensors"))) {
      return Decoder.load(config, weights, Placement.CPU_F32);
    }
  }

  private static List<Sample> rows(SafetensorsFile expected) {
    List<Sample> rows = new ArrayList<>();
    for (int i = 0; expected.names().contains("ids_" + i); i++) {
      long[] ids = Tensors.longs(expected.load("ids_" + i, IDS));
      rows.add(new Sample(0, i, Arrays.stream(ids).mapToInt(Math::toIntExact).toArray(), 0));
    }
    return rows;
  }

  @Test
  void whatItWritesIsTheRowsAndTransformersLogits(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("logits.safetensors"), "an older file");
    try (TensorScope scope = TensorScope.open();
        SafetensorsFile expected = SafetensorsFile.open(MODEL.resolve("expected.safetensors"))) {
      List<Sample> rows = rows(expected);
      assertThat(rows).hasSizeGreaterThan(1);
      LogitCheck.of(load(), rows).write(file);
      try (SafetensorsFile written = SafetensorsFile.open(file)) {
        assertThat(written.names()).hasSize(2 * rows.size());
        for (int i = 0; i < rows.size(); i++) {
          assertThat(written.dtype("ids_" + i)).isEqualTo(DType.I64);
          assertThat(Tensors.longs(written.load("ids_" + i, IDS)))
              .isEqualTo(Tensors.longs(expected.load("ids_" + i, IDS)));
          Tensor logits = written.load("logits_" + i, Placement.CPU_F32);
          Golden.assertClose("logits_" + i, logits,
              expected.load("logits_" + i, Placement.CPU_F32), 1e-4);
        }
      }
    }
  }

  @Test
  void anotherModelDiffersAndTheSameDoesNot() throws IOException {
    Decoder model = load();
    try (TensorScope scope = TensorScope.open();
        SafetensorsFile expected = SafetensorsFile.open(MODEL.resolve("expected.safetensors"))) {
      LogitCheck check = LogitCheck.of(model, rows(expected));
      assertThat(check.difference(model)).isZero();
      String name = model.projectionNames().iterator().next();
      model.setWeight(name, Tensors.copy(model.projection(name).weight()).mul_(
          Tensors.of(new float[] {1.01f})));
      assertThat(check.difference(model)).isBetween(1e-5, 1.0);
    }
  }
}
