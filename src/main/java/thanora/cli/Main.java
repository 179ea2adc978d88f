package thanora.cli;

import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The command {@code thanora}. */
@Command(
    name = "thanora",
    version = "thanora " + Main.VERSION,
    mixinStandardHelpOptions = true,
    description = "Fine-tunes one model on several tasks with one LoRA that merges into it.",
    footer = {
      "",
      "Exit codes: 0 success, 1 failed, 2 wrong use or a wrong recipe.",
      "Start with: thanora demo"
    },
    subcommands = {
      DemoCommand.class,
      InitCommand.class,
      PlanCommand.class,
      DataCommand.class,
      AnalyzeCommand.class,
      TrainCommand.class,
      CompareCommand.class,
      JoinCommand.class,
      EvalCommand.class,
      ReportCommand.class,
      MergeCommand.class,
      ExportCommand.class,
      VerifyCommand.class,
      GenerateCommand.class,
      ChatCommand.class,
      ServeCommand.class,
      DownloadCommand.class,
      DoctorCommand.class,
      CompletionCommand.class,
      HelpCommand.class,
      BenchCommand.class
    })
public final class Main implements Callable<Integer> {
  /** The version in pom.xml. */
  static final String VERSION = "0.1.0-SNAPSHOT";

  @Spec private CommandSpec spec;

  /** Runs a command and ends the process with its exit code. */
  public static void main(String[] args) {
    // UTF-8 whatever the locale: answers hold any letter, and scripts read them.
    PrintWriter out = new PrintWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
    PrintWriter err = new PrintWriter(new OutputStreamWriter(System.err, StandardCharsets.UTF_8));
    int code = run(out, err, args);
    out.flush();
    err.flush();
    System.exit(code);
  }

  /** Runs a command; returns its exit code. */
  static int run(PrintWriter out, PrintWriter err, String... args) {
    StopSignals.forget();
    CommandLine thanora = new CommandLine(new Main())
        .setOut(out)
        .setErr(err)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpWidth(100)
        .setParameterExceptionHandler(Failures::wrongUse)
        .setExecutionExceptionHandler(Failures::failed);
    return thanora.execute(Arguments.declared(thanora, args));
  }

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return Failures.WRONG_USE;
  }
}
