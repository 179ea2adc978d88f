package thanora.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import thanora.Compare;
import thanora.compare.ComparisonResult;
import thanora.compare.Findings;
import thanora.compare.TerminalTable;

@Command(
    name = "join",
    description = {
      "Joins comparisons of the same model, rows and steps, of other methods or other seeds, made by"
          + " several processes or GPUs, into one: compare.json, compare.md and compare.html."
    },
    footer = {
      "",
      "Example: thanora join a/compare.json b/compare.json --reference lora --out joined"
    })
final class JoinCommand implements Callable<Integer> {
  @Parameters(paramLabel = "FILE", arity = "1..*", description = "compare.json files.")
  private List<Path> files = new ArrayList<>();

  @Option(names = "--out", paramLabel = "DIR", required = true, description = "Folder of the joint result.")
  private Path out;

  @Option(
      names = "--reference",
      paramLabel = "NAME",
      description = "Method that differences are taken to; that of the first file if left out.")
  private Optional<String> reference = Optional.empty();

  @Mixin private OutputOptions output;

  @Override
  public Integer call() throws IOException {
    List<ComparisonResult> parts = new ArrayList<>();
    for (Path file : files) {
      if (!Files.isRegularFile(file)) {
        throw new IllegalArgumentException(file + " is not a file; name the compare.json of each comparison");
      }
      parts.add(ComparisonResult.read(file));
    }
    ComparisonResult joined = ComparisonResult.joined(parts, reference.orElse(parts.get(0).reference()));
    Files.createDirectories(out);
    Compare.write(joined, out);
    Findings findings = Findings.of(joined);
    output.result(CompareCommand.tree(joined, findings, out),
        TerminalTable.of(joined, findings) + "\n\npage: " + out.resolve("compare.html"));
    return 0;
  }
}
