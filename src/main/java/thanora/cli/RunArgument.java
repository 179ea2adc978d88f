package thanora.cli;

import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The run that a command reads: an argument, or {@code --run-dir} as in train. */
final class RunArgument {
  @Parameters(
      arity = "0..1",
      paramLabel = "RUN",
      description = "The folder of a run.")
  private Optional<Path> argument = Optional.empty();

  @Option(names = "--run-dir", paramLabel = "DIR", description = "The same as RUN.")
  private Optional<Path> option = Optional.empty();

  /**
   * The folder, or the recipe file.
   *
   * @throws IllegalArgumentException if none is given, or two
   */
  Path folder() {
    if (argument.isPresent() && option.isPresent()) {
      throw new IllegalArgumentException(
          "RUN " + argument.get() + " and --run-dir " + option.get() + " are both given; keep one");
    }
    return argument.or(() -> option).orElseThrow(
        () -> new IllegalArgumentException("no run is given; name its folder"));
  }
}
