package thanora.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "doctor",
    description = "Looks at the machine: Java, native libraries, GPU, threads, memory, disk, caches, text. Says what to"
        + " do about what is wrong; exit code 1 where something is.",
    footer = {
      "",
      "Example: thanora doctor"
    })
final class DoctorCommand implements Callable<Integer> {
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    List<Finding> findings = Checkup.all(output::note);
    boolean failed = findings.stream().anyMatch(finding -> finding.state() == Finding.State.WRONG);
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("ok", !failed);
    tree.put("checks", findings.stream().map(Finding::tree).toList());
    List<String> lines = new ArrayList<>();
    findings.forEach(finding -> lines.addAll(finding.lines()));
    lines.add("");
    lines.add(failed ? "Something is wrong; see the lines marked wrong." : "All is well enough to train.");
    output.result(tree, String.join(System.lineSeparator(), lines));
    return failed ? Failures.FAILED : 0;
  }
}
