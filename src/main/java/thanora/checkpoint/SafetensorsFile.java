package thanora.checkpoint;

import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * One safetensors file, its header checked when opened, tensors read when asked for.
 *
 * <p>Format: <a href="https://github.com/huggingface/safetensors">safetensors</a>. Stricter than
 * the reference: duplicate keys, unknown fields and control characters in names are refused.
 */
public final class SafetensorsFile implements Weights {
  private final FileBytes file;
  private final SafetensorsHeader header;

  private SafetensorsFile(FileBytes file, SafetensorsHeader header) {
    this.file = file;
    this.header = header;
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws CheckpointException naming the file and the rule it breaks
   */
  public static SafetensorsFile open(Path path) {
    FileBytes file = FileBytes.open(path);
    try {
      return new SafetensorsFile(file, SafetensorsHeader.read(file));
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** The header's {@code __metadata__}; empty if there is none. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(header.slots().keySet());
  }

  @Override
  public long[] shape(String name) {
    return slot(name).shape().clone();
  }

  @Override
  public DType dtype(String name) {
    return slot(name).dtype();
  }

  @Override
  public Tensor load(String name, Placement placement) {
    SafetensorsHeader.Slot slot = slot(name);
    Tensor stored = Tensors.empty(new Placement("cpu", slot.dtype()), slot.shape());
    TensorBytes.forEach(stored, (window, at) -> file.read(window, slot.position() + at));
    Tensor result = Tensors.to(stored, placement);
    stored.deallocate();
    return result;
  }

  @Override
  public void close() {
    file.close();
  }

  FileBytes file() {
    return file;
  }

  SafetensorsHeader header() {
    return header;
  }

  private SafetensorsHeader.Slot slot(String name) {
    SafetensorsHeader.Slot slot = header.slots().get(name);
    if (slot == null) {
      throw file.fault("has no tensor " + name);
    }
    return slot;
  }
}
