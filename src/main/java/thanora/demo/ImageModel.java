package thanora.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.AtomicFolders;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.SafetensorsWriter;
import thanora.tensor.Ops;
import thanora.tensor.Placement;

/**
 * The demo's model with images: what {@code demo/images} holds of it, and the decoder, which is the one in
 * {@code demo/model} with a row more for the image token.
 */
public final class ImageModel {
  private static final String WEIGHTS = "model.safetensors";
  private static final String VISION = "vision.safetensors";
  private static final String DECODER = "language_model.";
  private static final String ROWS = "model.embed_tokens.weight";
  private static final String ADDED = DECODER + "model.embed_tokens.added";

  private ImageModel() {}

  /**
   * Writes the whole model as a folder that transformers loads.
   *
   * @param demo folder with {@code model} and {@code images}
   * @param target a folder that is not there yet
   * @throws thanora.checkpoint.CheckpointException if it is there or cannot be written, or a part is missing
   */
  public static void assemble(Path demo, Path target) {
    AtomicFolders.publish(target, folder -> {
      copyFiles(demo.resolve("images"), folder);
      try (SafetensorsFile decoder = SafetensorsFile.open(demo.resolve("model").resolve(WEIGHTS));
          SafetensorsFile vision = SafetensorsFile.open(demo.resolve("images").resolve(VISION))) {
        SafetensorsWriter.write(
            folder.resolve(WEIGHTS), entries(decoder, vision), name -> tensor(decoder, vision, name), Map.of());
      }
    });
  }

  private static void copyFiles(Path images, Path folder) throws IOException {
    try (Stream<Path> files = Files.list(images)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".json")).sorted().toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
  }

  private static List<SafetensorsWriter.Entry> entries(SafetensorsFile decoder, SafetensorsFile vision) {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    for (String name : decoder.names()) {
      long[] shape = decoder.shape(name);
      if (name.equals(ROWS)) {
        shape[0] += vision.shape(ADDED)[0];
      }
      entries.add(new SafetensorsWriter.Entry(DECODER + name, decoder.dtype(name), shape));
    }
    for (String name : vision.names()) {
      if (!name.equals(ADDED)) {
        entries.add(new SafetensorsWriter.Entry(name, vision.dtype(name), vision.shape(name)));
      }
    }
    return entries;
  }

  private static Tensor tensor(SafetensorsFile decoder, SafetensorsFile vision, String name) {
    if (!name.startsWith(DECODER)) {
      return load(vision, name);
    }
    String own = name.substring(DECODER.length());
    Tensor stored = load(decoder, own);
    return own.equals(ROWS) ? Ops.cat(0, stored, load(vision, ADDED)) : stored;
  }

  private static Tensor load(SafetensorsFile file, String name) {
    return file.load(name, new Placement("cpu", file.dtype(name)));
  }
}
