package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import thanora.model.DecoderMemory;
import thanora.model.ModelConfig;
import thanora.tensor.DType;

class PreviewMemoryTest {
  /** 4 tasks of 500 rows of 128 tokens in Llama-2-7B's shape on a GPU. */
  private static long llama(HasiConfig.Spectra spectra) throws IOException {
    ModelConfig config = ModelConfig.from(new ObjectMapper().readTree(Path.of("bench/llama-2-7b.json").toFile()));
    DecoderMemory model = new DecoderMemory(config, DType.BF16, true);
    List<String> modules = model.linears().stream().map(DecoderMemory.Linear::name).toList();
    return PreviewMemory.of(model, modules, 4, 4 * 500 * 128, 128,
        HasiConfig.thanora().preview().withSpectra(spectra));
  }

  @Test
  void momentsOfOneTaskInFloat32AreWhatAWideModelNeeds() throws IOException {
    long moments = 4L * (3 * 4096 * 4096 + 11008 * 11008);
    assertThat(llama(HasiConfig.Spectra.AUTO)).isBetween(moments + (200L << 20), 1_500_000_000L);
    assertThat(llama(HasiConfig.Spectra.EXACT)).isGreaterThan(4 * 2 * moments);
  }
}
