package thanora.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Placement;

/**
 * The shards that a {@code model.safetensors.index.json} names, as one set of tensors.
 *
 * <p>Shards are plain file names beside the index; every tensor of the index is in the shard it
 * names, and no shard holds a tensor that the index places elsewhere or not at all.
 */
public final class ShardedWeights implements Weights {
  static final String INDEX = "model.safetensors.index.json";

  private final Path index;
  private final Map<String, SafetensorsFile> shards = new TreeMap<>();
  private final Map<String, SafetensorsFile> owners = new LinkedHashMap<>();

  private ShardedWeights(Path index) {
    this.index = index;
  }

  /**
   * Opens an index and all its shards.
   *
   * @throws CheckpointException naming the shard or tensor and the rule it breaks
   */
  public static ShardedWeights open(Path index) {
    ShardedWeights weights = new ShardedWeights(index);
    try {
      weights.readIndex();
      weights.checkNothingElse();
      return weights;
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  private void readIndex() {
    ObjectNode root = Json.object(index);
    if (!(root.get("weight_map") instanceof ObjectNode map) || map.isEmpty()) {
      throw new CheckpointException(index + ": has no weight_map, or an empty one");
    }
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      SafetensorsFile shard = shards.computeIfAbsent(fileName(entry), this::openShard);
      if (!shard.names().contains(entry.getKey())) {
        throw new CheckpointException(index + ": tensor " + entry.getKey() + " is not in "
            + entry.getValue().textValue() + "; the shards are not of this index");
      }
      owners.put(entry.getKey(), shard);
    }
  }

  private String fileName(Map.Entry<String, JsonNode> entry) {
    String name = entry.getValue().isTextual() ? entry.getValue().textValue() : "";
    boolean plain = !name.isEmpty() && name.length() <= 255 && !name.startsWith(".")
        && name.chars().noneMatch(c -> "/\\:".indexOf(c) >= 0 || Character.isISOControl(c));
    if (!plain || !name.endsWith(".safetensors")) {
      throw new CheckpointException(index + ": tensor " + entry.getKey() + " is placed in "
          + entry.getValue() + ", which is not the plain name of a .safetensors file");
    }
    return name;
  }

  private SafetensorsFile openShard(String name) {
    Path path = index.resolveSibling(name);
    if (!Files.exists(path)) {
      throw new CheckpointException(path + ": shard is missing; fetch it, " + index.getFileName()
          + " needs it");
    }
    return SafetensorsFile.open(path);
  }

  private void checkNothingElse() {
    shards.forEach((file, shard) -> {
      for (String name : shard.names()) {
        if (owners.get(name) != shard) {
          throw new CheckpointException(index.resolveSibling(file) + ": holds tensor " + name
              + (owners.containsKey(name) ? ", which is in a second shard too"
                  : ", which the index does not name"));
        }
      }
    });
  }

  /** The shards, in the order of their names. */
  Collection<SafetensorsFile> shards() {
    return shards.values();
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(owners.keySet());
  }

  @Override
  public long[] shape(String name) {
    return owner(name).shape(name);
  }

  @Override
  public DType dtype(String name) {
    return owner(name).dtype(name);
  }

  @Override
  public Tensor load(String name, Placement placement) {
    return owner(name).load(name, placement);
  }

  @Override
  public void close() {
    shards.values().forEach(SafetensorsFile::close);
  }

  private SafetensorsFile owner(String name) {
    SafetensorsFile owner = owners.get(name);
    if (owner == null) {
      throw new CheckpointException(index + ": has no tensor " + name);
    }
    return owner;
  }
}
