package thanora.cli;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** What a command writes. */
final class WriteOptions {
  @Option(
      names = {"--out", "--outfile"},
      required = true,
      paramLabel = "PATH",
      description = "The folder or GGUF file to write; it must not be there.")
  private Path out;

  @Option(
      names = "--logits",
      paramLabel = "FILE",
      description = {
        "Writes ids and logits of some test rows too, of base and adapter, for another program to"
            + " compare with: safetensors with ids_0, logits_0 and so on."
      })
  Optional<Path> logits = Optional.empty();

  /**
   * The folder, looked at before anything is loaded.
   *
   * @throws IllegalArgumentException if it is there
   */
  Path free() {
    if (Files.exists(out, LinkOption.NOFOLLOW_LINKS)) {
      throw new IllegalArgumentException(
          "--out " + out + ": exists already; give another name or remove it");
    }
    return out;
  }
}
