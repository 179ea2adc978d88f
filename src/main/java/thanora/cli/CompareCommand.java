package thanora.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.LongStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import thanora.Compare;
import thanora.Contestant;
import thanora.HubNames;
import thanora.Recipe;
import thanora.RecipeException;
import thanora.RecipeReader;
import thanora.RunFolder;
import thanora.compare.ComparisonResult;
import thanora.compare.Difference;
import thanora.compare.Findings;
import thanora.compare.MethodFindings;
import thanora.compare.TerminalTable;
import thanora.page.Estimate;
import thanora.train.StoppedException;

@Command(
    name = "compare",
    description = {
      "Trains several methods on the tasks of a recipe, each at the learning rate that is best on"
          + " validation rows, and compares them on test rows, with intervals.",
      "Configurations are trained side by side on one frozen base."
    },
    footer = {
      "",
      "A method may change keys of the recipe, have a name and learning rates of its own:",
      "         --methods \"lora,pissa[lr=5e-4|1e-3],no-spr=thanora[spr.lambda=0;hasi.coop=false]\"",
      "RECIPE demo is the recipe of thanora demo, demo-images that of thanora demo --images.",
      "",
      "Example: thanora compare demo --methods lora,dora,thanora --seeds 2 --sweep lr=1e-3,2e-3,4e-3"
    })
final class CompareCommand implements Callable<Integer> {
  @Parameters(paramLabel = "RECIPE", description = "A recipe file; see docs/recipe.md.")
  private Path file;

  @Option(
      names = "--methods",
      paramLabel = "A,B",
      required = true,
      description = "Methods; docs/methods.md lists them.")
  private String methods;

  @Option(names = "--seeds", paramLabel = "N", description = "Number of seeds; ${DEFAULT-VALUE} if left out.")
  private int seeds = 3;

  @Option(
      names = "--first-seed",
      paramLabel = "N",
      description = "The first of them, the others follow it; ${DEFAULT-VALUE} if left out. thanora join puts"
          + " comparisons of different seeds together.")
  private long firstSeed;

  @Option(
      names = "--sweep",
      paramLabel = "lr=A,B",
      description = "Learning rates to choose from; that of the recipe if left out.")
  private Optional<String> sweep = Optional.empty();

  @Option(
      names = "--side-by-side",
      paramLabel = "N",
      description = "Configurations trained at once at most; ${DEFAULT-VALUE} if left out.")
  private int sideBySide = 24;

  @Option(names = "--no-costs", description = "Do not time the methods.")
  private boolean noCosts;

  @Option(
      names = "--no-conflicts",
      description = "Do not compare the gradients of the reference's tasks on the way: that takes memory, T"
          + " times its gradients.")
  private boolean noConflicts;

  @Option(
      names = "--devices",
      paramLabel = "A,B",
      split = ",",
      description = "Devices that share the work, a process each, such as cuda:0,cuda:1; that of the recipe if left"
          + " out.")
  private List<String> devices = List.of();

  @Option(names = "--worker", hidden = true, description = "Work at the comparison in --run-dir on this device.")
  private Optional<String> worker = Optional.empty();

  @Option(names = "--worker-threads", hidden = true)
  private int workerThreads;

  @Mixin private RecipeOptions options;
  @Mixin private RunOptions run;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() throws IOException {
    if (seeds < 1 || sideBySide < 1 || firstSeed < 0) {
      throw new IllegalArgumentException("--seeds and --side-by-side are 1 or more, --first-seed is 0 or more");
    }
    if (!devices.isEmpty()) {
      options.set.add("device=" + Workers.kind(devices)); // how runs are grouped depends on it
    }
    if (worker.isPresent()) {
      work(worker.get(), run.runDir.orElseThrow());
      return 0;
    }
    try (StopSignals signals = StopSignals.take(output.err());
        RunFolder folder = run.create("compare-" + RunOptions.nameOf(file), output::note);
        RunDisplay display = new RunDisplay(output)) {
      Compare.Request request;
      ComparisonResult result;
      try {
        request = request(folder.path(), display);
        result = compare(request, folder, display);
      } finally {
        DemoRecipe.removeUnlessRun(folder);
      }
      display.close();
      Findings findings = Findings.of(result);
      output.result(tree(result, findings, folder.path()), TerminalTable.of(result, findings)
          + "\n\npage: " + folder.path().resolve("compare.html")
          + "\ntable: " + folder.path().resolve("compare.md"));
    }
    return 0;
  }

  private Compare.Request request(Path folder, RunDisplay display) throws IOException {
    Recipe recipe = HubNames.fetch(recipe(folder), folder, display);
    return new Compare.Request(recipe, Contestant.parse(recipe, methods), rates(recipe),
        LongStream.range(firstSeed, firstSeed + seeds).boxed().toList(), sideBySide, !noCosts, !noConflicts,
        String.join(" ", command().stream().map(CompareCommand::quoted).toList()));
  }

  /** One of several processes; it ends when the one that started it is gone. */
  private void work(String device, Path folder) throws IOException {
    try (StopSignals signals = StopSignals.take(output.err()); RunDisplay display = new RunDisplay(output)) {
      ProcessHandle.current().parent().ifPresent(
          parent -> parent.onExit().thenRun(StopSignals::request));
      Compare.work(request(folder, display), folder, device, workerThreads, display);
    }
  }

  private void shareOut(Compare.Request request, RunFolder folder) {
    Compare.begin(request, folder);
    int threads = request.recipe().threads() > 0 ? request.recipe().threads()
        : Math.max(1, Runtime.getRuntime().availableProcessors() / devices.size());
    List<String> words = new ArrayList<>(command());
    words.remove(0);
    words.addAll(List.of("--side-by-side", "" + sideBySide, "--run-dir", folder.path().toString(),
        "--worker-threads", "" + threads));
    if (noConflicts) {
      words.add("--no-conflicts");
    }
    Workers.run(devices, words, output::note);
  }

  private ComparisonResult compare(Compare.Request request, RunFolder folder, RunDisplay display) {
    try {
      if (!devices.isEmpty()) {
        shareOut(request, folder);
      }
      return Compare.run(request, folder, display);
    } catch (StoppedException e) {
      throw RunOptions.resumable(e, folder);
    }
  }

  private Recipe recipe(Path folder) throws IOException {
    Optional<DemoRecipe> demo = Files.isRegularFile(file) ? Optional.empty() : DemoRecipe.named(file.toString());
    if (demo.isPresent()) {
      return Compare.prepared(demo.get().read(folder, options.overrides(), output::note));
    }
    Recipe recipe = Compare.prepared(options.read(file, output::note).withAbsolutePaths());
    RecipeReader.requireFiles(recipe);
    return recipe;
  }

  /** For scripts: means by method; everything else is in compare.json. */
  static Map<String, Object> tree(ComparisonResult result, Findings findings, Path folder) {
    Map<String, Object> methods = new LinkedHashMap<>();
    for (ComparisonResult.Method method : result.methods()) {
      MethodFindings found = findings.method(method.name());
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("learning_rate", Double.isNaN(method.learningRate()) ? null : method.learningRate());
      values.put("trainable_parameters", method.parameters());
      values.put("nll", interval(found.nll()));
      values.put("score", interval(found.score()));
      values.put("nll_difference", found.nllDifference().map(d -> interval(d.estimate())).orElse(null));
      values.put("significant", found.nllDifference().map(Difference::isSignificant).orElse(false));
      methods.put(method.name(), values);
    }
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("reference", result.reference());
    tree.put("methods", methods);
    tree.put("folder", folder.toString());
    return tree;
  }

  private static List<Double> interval(Estimate estimate) {
    return estimate.isKnown() ? List.of(estimate.value(), estimate.low(), estimate.high()) : null;
  }

  /** Numbers after {@code lr=}. */
  private List<Double> rates(Recipe recipe) {
    if (sweep.isEmpty()) {
      return List.of(recipe.train().learningRate());
    }
    String[] parts = sweep.get().split("=", 2);
    if (parts.length < 2 || !List.of("lr", "learning_rate", "train.learning_rate").contains(parts[0].strip())) {
      throw new RecipeException(List.of("--sweep " + sweep.get()
          + ": only learning rates are swept; write lr=1e-3,2e-3, and other keys as methods[key=value]"));
    }
    return Contestant.rates(parts[1], ",");
  }

  /** The command that asks for the same comparison again. */
  private List<String> command() {
    List<String> words = new ArrayList<>(
        List.of("thanora", "compare", file.toString(), "--methods", methods, "--seeds", "" + seeds));
    if (firstSeed > 0) {
      words.addAll(List.of("--first-seed", "" + firstSeed));
    }
    sweep.ifPresent(value -> words.addAll(List.of("--sweep", value)));
    options.overrides().forEach(change -> words.addAll(List.of("--set", change)));
    return words;
  }

  private static String quoted(String word) {
    return word.chars().anyMatch(c -> " ;[]".indexOf(c) >= 0) ? "\"" + word + "\"" : word;
  }
}
