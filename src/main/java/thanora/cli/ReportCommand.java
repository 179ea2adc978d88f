package thanora.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.RunFolder;
import thanora.report.RunReport;

@Command(
    name = "report",
    description = {
      "Writes a run as one HTML page that needs no network: scores, curves, ranks and why, overlaps,"
          + " answers. At any time, also while the run goes on."
    },
    footer = {
      "",
      "Example: thanora report runs/a",
      "         thanora report runs/a --out a.html"
    })
final class ReportCommand implements Callable<Integer> {
  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "The page; report.html in the run folder if left out. Replaced if it is there.")
  private Optional<Path> out = Optional.empty();

  @Mixin private RunArgument run;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    Path folder = run.folder();
    RunFolder.recipeOf(folder, List.of(), note -> {});
    Path file = out.orElse(folder.resolve(RunReport.FILE));
    RunReport.write(folder, file);
    output.result(Map.of("out", file.toString()), "page: " + file);
    return 0;
  }
}
