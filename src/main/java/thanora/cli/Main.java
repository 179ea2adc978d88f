package thanora.cli;

import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;
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
    })
public final class Main implements Callable<Integer> {
  /** The version in pom.xml. */
  static final String VERSION = "0.1.0-SNAPSHOT";

  private static final List<Class<?>> COMMANDS = List.of(
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
      BenchCommand.class,
      BenchAnswersCommand.class,
      BenchFitCommand.class);

  /** Commands that look at all others. */
  private static final Set<Class<?>> OVER_ALL = Set.of(HelpCommand.class, CompletionCommand.class);

  private static final Set<String> OVERVIEWS = Set.of("--help", "-h", "--version", "-V");

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
    CommandLine thanora = commandLine(args)
        .setOut(out)
        .setErr(err)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpWidth(100)
        .setParameterExceptionHandler(Failures::wrongUse)
        .setExecutionExceptionHandler(Failures::failed);
    return thanora.execute(Arguments.declared(thanora, args));
  }

  /**
   * The command with those subcommands that the arguments need: picocli reads the options of each by
   * reflection, which for all of them takes longer than Java's own start.
   */
  static CommandLine commandLine(String... args) {
    CommandLine thanora = new CommandLine(new Main());
    Optional<Class<?>> named = args.length == 0 ? Optional.empty()
        : COMMANDS.stream().filter(command -> describe(command).name().equals(args[0])).findFirst();
    if (args.length == 0 || args.length == 1 && OVERVIEWS.contains(args[0])) {
      COMMANDS.forEach(command -> thanora.addSubcommand(describe(command).name(), outline(describe(command))));
    } else if (named.isPresent() && !OVER_ALL.contains(named.get())) {
      thanora.addSubcommand(named.get());
    } else {
      COMMANDS.forEach(thanora::addSubcommand);
    }
    return thanora;
  }

  private static Command describe(Class<?> command) {
    return command.getAnnotation(Command.class);
  }

  /** What the list of commands shows of one. */
  private static CommandSpec outline(Command command) {
    CommandSpec outline = CommandSpec.create();
    outline.usageMessage().description(command.description()).hidden(command.hidden());
    return outline;
  }

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return Failures.WRONG_USE;
  }
}
