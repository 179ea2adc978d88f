package thanora.checkpoint;

/** How a GGUF file names tensors, stores them, orders their rows and changes their values. */
public interface GgufNaming {
  /**
   * The name of a tensor in the file.
   *
   * @param name Hugging Face's
   * @throws CheckpointException if llama.cpp has no such tensor
   */
  String name(String name);

  /** Hugging Face's name of a tensor in the file; the name itself where Hugging Face has no such tensor. */
  String huggingFace(String name);

  /** The heads that a tensor's rows are interleaved by, 0 if they are not; Hugging Face's name. */
  default int heads(String name) {
    return 0;
  }

  /** What the file's values are larger by; Hugging Face's name. */
  default float added(String name) {
    return 0;
  }

  /**
   * The type of a tensor in a file mostly of another.
   *
   * @param name in the file
   */
  default OutType type(String name, OutType most) {
    return most;
  }
}
