package thanora.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * Writes a model's weights as transformers does: one {@code model.safetensors}, or shards with an
 * index where they exceed the limit. Holds one tensor at a time.
 */
public final class ShardedWriter {
  /** Bytes of a shard unless told otherwise: 5 GB. */
  public static final long SHARD_BYTES = 5_000_000_000L;

  private ShardedWriter() {}

  /**
   * Writes weights into an existing folder; the index comes last, so that a folder with an index is
   * whole.
   *
   * @param entries in the order in which they fill the shards
   * @param shardBytes the most a shard holds; a larger tensor gets a shard of its own
   * @return the files written, the index last
   * @throws CheckpointException if a file cannot be written
   */
  public static List<Path> write(
      Path folder, List<SafetensorsWriter.Entry> entries, Function<String, Tensor> producer,
      long shardBytes) {
    List<List<SafetensorsWriter.Entry>> shards = split(entries, shardBytes);
    List<Path> files = new ArrayList<>();
    Map<String, String> weightMap = new TreeMap<>();
    for (int i = 0; i < shards.size(); i++) {
      Path file = folder.resolve(shards.size() == 1 ? "model.safetensors"
          : String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, shards.size()));
      SafetensorsWriter.write(file, shards.get(i), producer, Map.of());
      shards.get(i).forEach(entry -> weightMap.put(entry.name(), file.getFileName().toString()));
      files.add(file);
    }
    if (shards.size() > 1) {
      Path index = folder.resolve(ShardedWeights.INDEX);
      WholeFile.write(index, index(entries, weightMap));
      files.add(index);
    }
    return files;
  }

  private static List<List<SafetensorsWriter.Entry>> split(
      List<SafetensorsWriter.Entry> entries, long shardBytes) {
    List<List<SafetensorsWriter.Entry>> shards = new ArrayList<>();
    List<SafetensorsWriter.Entry> shard = new ArrayList<>();
    long bytes = 0;
    for (SafetensorsWriter.Entry entry : entries) {
      if (!shard.isEmpty() && bytes + entry.bytes() > shardBytes) {
        shards.add(shard);
        shard = new ArrayList<>();
        bytes = 0;
      }
      shard.add(entry);
      bytes += entry.bytes();
    }
    shards.add(shard);
    return shards;
  }

  private static String index(
      List<SafetensorsWriter.Entry> entries, Map<String, String> weightMap) {
    ObjectNode root = Json.MAPPER.createObjectNode();
    root.putObject("metadata")
        .put("total_size", entries.stream().mapToLong(SafetensorsWriter.Entry::bytes).sum());
    ObjectNode map = root.putObject("weight_map");
    weightMap.forEach(map::put);
    try {
      return Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
    } catch (JsonProcessingException e) {
      throw new CheckpointException("index cannot be written (" + e.getOriginalMessage() + ")", e);
    }
  }
}
