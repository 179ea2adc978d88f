package thanora.cli;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Option;
import thanora.checkpoint.OutType;

/** Options of the commands that write GGUF files too, by the names of llama.cpp's converter. */
final class GgufOptions {
  /** Types of matrices. */
  enum Type {
    F32,
    F16,
    BF16,
    Q8_0,
    AUTO;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--outtype",
      paramLabel = "TYPE",
      description = "Of the matrices in a GGUF file, one of ${COMPLETION-CANDIDATES}; auto is bf16 for a base"
          + " in bfloat16, else f16. If left out, auto for a model and f32 for an adapter.")
  private Optional<Type> type = Optional.empty();

  /**
   * Whether a GGUF file is meant: by the format, or by the name of the output where none is given.
   *
   * @throws IllegalArgumentException if another format is meant and a type is given
   */
  <F extends Enum<F>> boolean chosen(Optional<F> format, F gguf, Path out) {
    boolean chosen = format.map(gguf::equals)
        .orElse(out.toString().toLowerCase(Locale.ROOT).endsWith(".gguf"));
    if (!chosen && type.isPresent()) {
      throw new IllegalArgumentException(
          "--outtype " + type.get() + ": only GGUF files have it; give --format gguf, or leave it out");
    }
    return chosen;
  }

  /** The type that is meant where {@code usual} is if none is given; empty for auto. */
  Optional<OutType> type(Type usual) {
    Type meant = type.orElse(usual);
    return meant == Type.AUTO ? Optional.empty() : Optional.of(OutType.valueOf(meant.name()));
  }
}
