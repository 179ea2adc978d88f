package thanora.checkpoint;

import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Placement;

/** The tensors of a decoder in one GGUF file and of the part that sees images in another. */
public final class GgufPair implements Weights {
  private final Weights decoder;
  private final Weights vision;

  private GgufPair(Weights decoder, Weights vision) {
    this.decoder = decoder;
    this.vision = vision;
  }

  /**
   * Opens both.
   *
   * @throws CheckpointException naming the file and the rule it breaks
   */
  public static GgufPair open(Path decoder, GgufNaming decoderNaming, Path vision, GgufNaming visionNaming) {
    Weights first = weights(decoder, decoderNaming);
    try {
      return new GgufPair(first, weights(vision, visionNaming));
    } catch (RuntimeException e) {
      first.close();
      throw e;
    }
  }

  private static Weights weights(Path path, GgufNaming naming) {
    FileBytes file = FileBytes.open(path);
    try {
      return new GgufWeights(GgufHeader.read(file), naming);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private Weights of(String name) {
    return vision.names().contains(name) ? vision : decoder;
  }

  @Override
  public Set<String> names() {
    Set<String> names = new LinkedHashSet<>(decoder.names());
    names.addAll(vision.names());
    return names;
  }

  @Override
  public long[] shape(String name) {
    return of(name).shape(name);
  }

  @Override
  public DType dtype(String name) {
    return of(name).dtype(name);
  }

  @Override
  public boolean isRounded() {
    return decoder.isRounded() || vision.isRounded();
  }

  @Override
  public Tensor load(String name, Placement placement) {
    return of(name).load(name, placement);
  }

  @Override
  public void close() {
    decoder.close();
    vision.close();
  }
}
