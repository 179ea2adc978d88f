package thanora.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A pretrained model on disk: a Hugging Face folder or a GGUF file, seen as a Hugging Face folder.
 *
 * <p>Open one with {@link #open}; what it gives has been checked against the bytes on disk.
 */
public sealed interface Checkpoint extends AutoCloseable permits FolderCheckpoint, GgufCheckpoint {
  /**
   * Opens a folder with {@code config.json} and safetensors, a {@code .gguf} file, or a folder that
   * holds exactly one.
   *
   * @throws CheckpointException in one line: the file, what is wrong with it, what to do
   */
  static Checkpoint open(Path path) {
    if (!Files.exists(path)) {
      throw new CheckpointException(path + ": no such file or folder");
    }
    if (!Files.isDirectory(path)) {
      return openFile(path);
    }
    if (Files.exists(path.resolve(FolderCheckpoint.CONFIG))) {
      return FolderCheckpoint.open(path);
    }
    List<Path> ggufs = ggufs(path);
    if (ggufs.size() > 1) {
      throw new CheckpointException(
          path + ": holds " + ggufs.size() + " GGUF files; name one, such as "
          + ggufs.get(0));
    }
    if (ggufs.isEmpty()) {
      throw new CheckpointException(path + ": has no config.json and no .gguf file; a model is a "
          + "Hugging Face folder or a GGUF file");
    }
    return openFile(ggufs.get(0));
  }

  private static Checkpoint openFile(Path path) {
    if (path.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors")) {
      throw new CheckpointException(
          path + ": is only the weights; give the folder that holds it");
    }
    return new GgufCheckpoint(path, GgufFile.open(path));
  }

  private static List<Path> ggufs(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().toLowerCase(Locale.ROOT).endsWith(".gguf"))
          .sorted().toList();
    } catch (IOException e) {
      throw new CheckpointException(folder + ": cannot be listed (" + e.getMessage() + ")", e);
    }
  }

  /** {@code config.json}, a copy of the caller's own. */
  ObjectNode config();

  /** The tensors under the names of transformers' modules; closed with this checkpoint. */
  Weights weights();

  /** The name under which a Hugging Face folder keeps one of the {@link #weights}. */
  default String storedName(String tensor) {
    return tensor;
  }

  /**
   * The text of {@code tokenizer.json}.
   *
   * @throws CheckpointException if there is none
   */
  String tokenizerJson();

  /** The text of {@code tokenizer_config.json}. */
  Optional<String> tokenizerConfigJson();

  /** The chat template: {@code chat_template.jinja}, or that of {@code tokenizer_config.json}. */
  Optional<String> chatTemplate();

  /** Where it was opened: the folder or the GGUF file. */
  Path source();

  /**
   * A SHA-256 in hexadecimal that changes when the model or its tokenizer does, without reading all
   * weights: it covers config, tokenizer, every header (names, types, shapes, places), the sizes of
   * files and 64 bytes from the middle of every tensor. Not the place where the files lie.
   */
  String fingerprint();

  /**
   * Puts into an existing folder what a model needs besides weights: configuration, tokenizer, chat
   * template, licence.
   *
   * @throws CheckpointException if the target is the source or cannot be written
   */
  void copyCompanions(Path target);

  /**
   * How a GGUF file of this model names and orders tensors.
   *
   * @throws CheckpointException if llama.cpp has no such model
   */
  GgufTarget gguf();

  /**
   * The metadata of a GGUF file of this model, all but the types of its tensors.
   *
   * @throws CheckpointException if llama.cpp has no such model or tokenizer
   */
  GgufValues ggufMetadata();

  @Override
  void close();
}
