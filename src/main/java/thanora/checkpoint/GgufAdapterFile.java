package thanora.checkpoint;

import java.nio.file.Path;
import java.util.Optional;

/** A GGUF file that holds a LoRA adapter: factors A (r, in) and B (out, r) by module, and one alpha. */
public final class GgufAdapterFile implements AutoCloseable {
  /** Ending of the name of a module's factor A, after that of its weight. */
  public static final String A = ".lora_a";

  /** Ending of the name of a module's factor B. */
  public static final String B = ".lora_b";

  /** Key of alpha: a factor's product is scaled by alpha / r. */
  public static final String ALPHA = "adapter.lora.alpha";

  private static final String TYPE = "general.type";
  private static final String KIND = "adapter.type";

  private final GgufHeader header;
  private final GgufMetadata metadata;

  private GgufAdapterFile(FileBytes file) {
    header = GgufHeader.read(file);
    metadata = new GgufMetadata(header);
    if (!metadata.text(KIND).equals(Optional.of("lora"))) {
      throw file.fault("is no LoRA adapter: its adapter.type is " + metadata.text(KIND).orElse("not there"));
    }
    if (!(alpha() > 0)) {
      throw file.fault(ALPHA + " is " + alpha() + ", it must be greater than 0");
    }
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws CheckpointException naming the file and the rule it breaks
   */
  public static GgufAdapterFile open(Path path) {
    FileBytes file = FileBytes.open(path);
    try {
      return new GgufAdapterFile(file);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /**
   * Whether a GGUF file holds an adapter, not a model.
   *
   * @throws CheckpointException if it is no GGUF file
   */
  public static boolean isAdapter(Path path) {
    try (FileBytes file = FileBytes.open(path)) {
      return "adapter".equals(GgufHeader.read(file).metadata().get(TYPE));
    }
  }

  /** What a file says of an adapter of some architecture. */
  public static GgufValues values(String architecture, String name, double alpha) {
    return new GgufValues().text("general.architecture", architecture).text(TYPE, "adapter")
        .text(KIND, "lora").text("general.name", name).number(ALPHA, alpha);
  }

  /** The architecture of the base. */
  public String architecture() {
    return metadata.architecture();
  }

  /** The numerator of the scale. */
  public double alpha() {
    return metadata.number(ALPHA).orElse(0.0);
  }

  /**
   * The factors: Hugging Face's name of the weight and {@link #A} or {@link #B}. Closing them closes the
   * file.
   *
   * @param target the base's, which says whose rows are interleaved
   */
  public Weights weights(GgufTarget target) {
    return new GgufWeights(header, target);
  }

  @Override
  public void close() {
    header.file().close();
  }
}
