package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class ShardedWeightsTest {
  private static final List<SafetensorsWriter.Entry> ENTRIES = List.of(
      new SafetensorsWriter.Entry("c", DType.F32, 2),
      new SafetensorsWriter.Entry("a", DType.F32, 1),
      new SafetensorsWriter.Entry("b", DType.F32, 3));

  @TempDir Path folder;

  @Test
  void shardsAreFilledInOrderAndReadBack() throws IOException {
    List<Path> files = write(12);
    assertThat(files).extracting(path -> path.getFileName().toString()).containsExactly(
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        ShardedWeights.INDEX);
    assertThat(Json.object(index())).isEqualTo(Json.object("expected", """
        {"metadata":{"total_size":24},"weight_map":{"a":"model-00001-of-00002.safetensors",
        "b":"model-00002-of-00002.safetensors","c":"model-00001-of-00002.safetensors"}}"""));
    try (TensorScope scope = TensorScope.open();
        ShardedWeights weights = ShardedWeights.open(index())) {
      assertThat(weights.names()).containsExactly("a", "b", "c");
      assertThat(Tensors.floats(weights.load("b", Placement.CPU_F32))).containsExactly(98, 98, 98);
      assertThat(Tensors.floats(weights.load("c", Placement.CPU_F32))).containsExactly(99, 99);
    }
  }

  @Test
  void oneShardNeedsNoIndex() {
    assertThat(write(ShardedWriter.SHARD_BYTES))
        .containsExactly(folder.resolve("model.safetensors"));
  }

  @Test
  void aMissingShardIsNamed() throws IOException {
    Files.delete(write(12).get(1));
    refuses("model-00002-of-00002.safetensors: shard is missing");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../x.safetensors", "/tmp/x.safetensors", "a\\\\x.safetensors", "c:x.safetensors",
      "", "model.bin", ".safetensors", "x\\u0000.safetensors"})
  void placesThatAreNotPlainFileNamesAreRefused(String place) throws IOException {
    Files.writeString(index(), "{\"weight_map\":{\"a\":\"" + place + "\"}}");
    refuses("not the plain name");
  }

  @Test
  void aTensorThatItsShardLacksIsRefused() throws IOException {
    write(12);
    replace("\"b\" :", "\"d\" :");
    refuses("tensor d is not in model-00002-of-00002.safetensors");
  }

  @Test
  void aTensorInTwoShardsIsRefused() throws IOException {
    write(12);
    try (TensorScope scope = TensorScope.open()) {
      SafetensorsWriter.write(folder.resolve("model-00002-of-00002.safetensors"),
          Map.of("a", Tensors.of(new float[] {1}), "b", Tensors.of(new float[] {1})));
    }
    refuses("holds tensor a, which is in a second shard too");
  }

  @Test
  void aTensorListedTwiceIsRefused() throws IOException {
    write(12);
    replace("\"b\" :", "\"a\" :");
    refuses("Duplicate field 'a'");
  }

  @Test
  void anIndexWithoutMapIsRefused() throws IOException {
    Files.writeString(index(), "{}");
    refuses("no weight_map");
  }

  private List<Path> write(long shardBytes) {
    return ShardedWriter.write(folder, ENTRIES, name -> {
      float[] values = new float[name.equals("a") ? 1 : name.equals("b") ? 3 : 2];
      java.util.Arrays.fill(values, name.charAt(0));
      return Tensors.of(values);
    }, shardBytes);
  }

  private Path index() {
    return folder.resolve(ShardedWeights.INDEX);
  }

  private void replace(String from, String to) throws IOException {
    Files.writeString(index(), Files.readString(index()).replace(from, to));
  }

  private void refuses(String reason) {
    assertThatThrownBy(() -> ShardedWeights.open(index()))
        .isInstanceOf(CheckpointException.class).hasMessageContaining(reason);
  }
}
