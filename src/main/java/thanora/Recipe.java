package thanora;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import thanora.data.RowFormat;
import thanora.hasi.HasiConfig;

/**
 * What a recipe file says: one value a key, every default resolved. A key of the file is the name
 * of a component in snake case, so {@code maxSteps} of {@link Train} is {@code train.max_steps}.
 *
 * <p>{@link RecipeReader} makes recipes and checks them; {@code docs/recipe.md} is the reference.
 *
 * @param model a Hugging Face folder, a GGUF file, the name of a model on the hub, or {@code demo} for
 *     the model shipped with it
 * @param data folder that relative files of tasks are in
 * @param method which method starts the adapter and regularises it; sets defaults of hasi and spr
 * @param seed seed of everything random
 * @param device {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
 * @param dtype element type of the frozen weights and the activations; the adapter is float32
 * @param threads threads of matrix products; 0 = all cores
 * @param plan an edited plan.json to use instead of the one that HASI would make
 * @param chatTemplate file of a chat template to use instead of the model's own
 * @param chatTemplateKwargs further variables of the chat template, such as {@code enable_thinking}
 * @param tasks at least one
 */
public record Recipe(
    String model,
    String data,
    Method method,
    long seed,
    String device,
    Dtype dtype,
    int threads,
    Optional<String> plan,
    Optional<String> chatTemplate,
    Map<String, Object> chatTemplateKwargs,
    List<Task> tasks,
    ImageOptions images,
    Lora lora,
    Hasi hasi,
    Spr spr,
    Train train,
    Eval eval,
    Merge merge) {

  /** Name of the model that is shipped with the project. */
  public static final String DEMO_MODEL = "demo";

  /** Begins a recipe in code. */
  public static RecipeBuilder builder(String model) {
    return new RecipeBuilder(model);
  }

  public Recipe {
    tasks = List.copyOf(tasks);
    chatTemplateKwargs = Collections.unmodifiableMap(new LinkedHashMap<>(chatTemplateKwargs));
  }

  /** A method. All but the two of ThanoRA ignore hasi and spr. */
  public enum Method {
    /** HASI with deflation and unit split, cosine SPR. */
    THANORA,
    /** The literal reading of the paper. */
    THANORA_PAPER,
    /** One plain LoRA: A random, B zero, no regulariser. */
    LORA,
    /** The same with s = alpha/√r. */
    RSLORA,
    /** Lengths of the merged weight's rows are trained apart. */
    DORA,
    /** Starts from the leading singular vectors of the weight. */
    PISSA,
    /** Starts from the leading singular vectors of weight times second moment of the activations. */
    CORDA,
    /** Starts from the QR decomposition of the weight. */
    OLORA,
    /** Conflicting gradients of tasks are projected, matrix by matrix. */
    ORTHO_LORA,
    /** One A, several B, a router; for comparisons, it does not merge. */
    HYDRALORA,
    /** Told the task; for comparisons, it does not merge. */
    MTL_LORA,
    /** One LoRA a task at the same total rank, told the task; for comparisons, it does not merge. */
    LORA_PER_TASK;

    /** Whether hasi and spr mean something to it. */
    public boolean isThanora() {
      return this == THANORA || this == THANORA_PAPER;
    }

    /** Whether the gradients of its tasks can be kept apart. */
    public boolean tellsTasksApart() {
      return this != DORA && this != HYDRALORA && this != MTL_LORA;
    }

    /** Whether it becomes one adapter for every token, which can be trained, merged and exported. */
    public boolean merges() {
      return this != HYDRALORA && this != MTL_LORA && this != LORA_PER_TASK;
    }
  }

  /** Element type; {@code AUTO} is bfloat16 on a GPU and float32 on a CPU. */
  public enum Dtype { AUTO, FLOAT32, BFLOAT16 }

  /** How an answer is scored, in [0, 1]. */
  public enum Metric { EXACT_MATCH, ACCURACY, ANSWER, CHRF, CONTAINS }

  /**
   * One task: where its rows are and how its answers are scored.
   *
   * @param name unique; names the task in logs, plans and tables
   * @param dataset data set of the hub, {@code ORG/NAME} or {@code ORG/NAME@REVISION}; train, test and
   *     validation then name its splits
   * @param config one of its configurations; absent = its default
   * @param train files or globs of rows, relative to {@code data} unless absolute
   * @param test files or globs of rows, likewise
   * @param validation files or globs for evaluation during the run; empty = see validation_rows
   * @param format what the fields of a row mean
   * @param columns column of the files by the field that it stands for
   * @param prompt the prompt as a pattern of columns
   * @param completion the completion as a pattern of columns
   * @param system a system message for rows that have none, as a pattern of columns
   * @param trainOn which of the assistant's turns are trained
   * @param metric how an answer is scored
   * @param weight share of the task in a mixture by weights; greater than 0
   * @param maxTrainRows rows used of train, chosen by the seed; 0 = all
   * @param maxTestRows rows used of test, chosen by the seed; 0 = all
   * @param maxNewTokens most tokens of an answer; 0 = eval.max_new_tokens
   * @param imageDir folder that paths of images are relative to, itself relative to {@code data}; empty = the
   *     folder of the rows' file
   */
  public record Task(
      String name,
      Optional<String> dataset,
      Optional<String> config,
      List<String> train,
      List<String> test,
      List<String> validation,
      RowFormat format,
      Map<String, String> columns,
      Optional<String> prompt,
      Optional<String> completion,
      Optional<String> system,
      TrainOn trainOn,
      Metric metric,
      double weight,
      int maxTrainRows,
      int maxTestRows,
      int maxNewTokens,
      Optional<String> imageDir) {
    public Task {
      train = List.copyOf(train);
      test = List.copyOf(test);
      validation = List.copyOf(validation);
      columns = Collections.unmodifiableMap(new LinkedHashMap<>(columns));
    }
  }

  /** Which turns of the assistant are trained: all of a conversation, or its last. */
  public enum TrainOn { ALL, LAST }

  /**
   * The adapter's shape.
   *
   * @param r rank of each module, shared out between the tasks and the cooperative block
   * @param alpha scale is alpha / r
   * @param targetModules names of linears, or the one word {@code all-linear}
   * @param dropout 0; anything else is refused
   */
  public record Lora(int r, double alpha, List<String> targetModules, double dropout) {
    /** The word for every linear of the decoder layers. */
    public static final String ALL_LINEAR = "all-linear";

    public Lora {
      targetModules = List.copyOf(targetModules);
    }
  }

  /** Which tokens of a preview row count. */
  public enum PreviewTokens { ALL, PROMPT, LABELS }

  /**
   * What is decomposed, M being the second moment of the activations: W·M, W·M^½, the subspaces of
   * W·M with the entropy of M alone, or the principal directions of the activations (B starts at 0);
   * or the gradient of the task's loss with respect to W, which needs no M.
   */
  public enum Statistic { WC, WC_HALF, C, X, GRADIENT }

  /** Whether entropy is of singular values or of their squares. */
  public enum Entropy { SIGMA, SIGMA_SQUARED }

  /** Mean over tokens, or CorDA's: each row by its largest value first. */
  public enum Covariance { TOKEN_MEAN, CORDA }

  /** From entropies to shares of the rank. */
  public enum Allocation { SOFTMAX, LINEAR }

  /** Whether each module has shares of its own or a layer shares them. */
  public enum Granularity { MODULE, LAYER }

  /** Whether ranks follow entropies or are equal. */
  public enum Ranks { ENTROPY, UNIFORM }

  /** From shares to whole ranks. */
  public enum Rounding { GREEDY, FLOOR, FLOOR_TOP }

  /** Whether a task's block spans its own subspace or a random one. */
  public enum Subspaces { TASK, RANDOM }

  /** How the lengths of a product are split between A and B. */
  public enum Split { UNIT, BALANCED, CORDA }

  /** Whether the initial product is taken off again, so that step 0 is the base. */
  public enum Subtract { FROZEN, NONE }

  /**
   * Heterogeneity-aware subspace initialisation.
   *
   * @param previewRows rows of each task that the statistics are made from
   * @param previewTokens which of their tokens count
   * @param statistic what is decomposed
   * @param spectra how its singular values and vectors are found
   * @param entropy what the entropy is of
   * @param damping added to the diagonal of the normalised second moment, as a share of its mean
   * @param dropFirstToken leaves out the first token of a row, the attention sink
   * @param centre subtracts the mean activation
   * @param covariance how the second moment is averaged
   * @param allocation from entropies to shares
   * @param tau temperature of the softmax; greater than 0
   * @param granularity module by module or layer by layer
   * @param ranks by entropy or uniform
   * @param rMin least rank of a task in a module
   * @param rounding from shares to ranks
   * @param coop whether there is a cooperative block
   * @param subspaces task or random
   * @param deflation each task takes its subspace from what the tasks before it left
   * @param deflationVectors singular vectors a task that stand for its statistic in deflation
   * @param split how lengths are split between A and B
   * @param b length of the columns of B under the unit split
   * @param gamma share of W that the blocks start with under the other splits
   * @param subtract whether the initial product is taken off again
   */
  public record Hasi(
      int previewRows,
      PreviewTokens previewTokens,
      Statistic statistic, HasiConfig.Spectra spectra, Entropy entropy,
      double damping,
      boolean dropFirstToken, boolean centre,
      Covariance covariance,
      Allocation allocation,
      double tau,
      Granularity granularity,
      Ranks ranks, int rMin,
      Rounding rounding,
      boolean coop,
      Subspaces subspaces,
      boolean deflation,
      int deflationVectors,
      Split split,
      double b,
      double gamma,
      Subtract subtract) {

    /** Defaults of a method. */
    public static Hasi defaults(Method method) {
      boolean paper = method == Method.THANORA_PAPER;
      return new Hasi(
          200, PreviewTokens.ALL, Statistic.WC, HasiConfig.Spectra.AUTO, Entropy.SIGMA, 0, false, false,
          Covariance.TOKEN_MEAN, Allocation.SOFTMAX, 0.5, Granularity.MODULE, Ranks.ENTROPY, 1,
          Rounding.GREEDY, true, Subspaces.TASK, !paper, 48,
          paper ? Split.BALANCED : Split.UNIT, 0.2, 1, Subtract.FROZEN);
    }
  }

  /** What is penalised between two blocks: cosines, squared products, their Frobenius or L1 norm. */
  public enum Norm { COSINE, SQUARED, FROBENIUS, L1 }

  /** Whether A and B are penalised each for itself or by the product of both. */
  public enum Mode { SEPARATE, COUPLED }

  /** Whether pairs of tasks are added up or averaged. */
  public enum Pairs { SUM, MEAN }

  /** Whether the blocks of tasks are kept apart, or any two of their rows. */
  public enum Between { TASKS, ROWS }

  /** Course of the regulariser's factor over the steps. */
  public enum SprSchedule { CONSTANT, COSINE }

  /**
   * The subspace-preserving regulariser.
   *
   * @param lambda factor of the penalty in the loss; 0 = none
   * @param norm what is penalised
   * @param mode separate or coupled
   * @param pairs sum or mean over pairs
   * @param includeCoop whether the cooperative block counts as a task
   * @param between pairs of tasks or of rows
   * @param schedule course of lambda over the steps
   */
  public record Spr(
      double lambda, Norm norm, Mode mode, Pairs pairs, boolean includeCoop, Between between,
      SprSchedule schedule) {
    /** Defaults of a method. */
    public static Spr defaults(Method method) {
      boolean paper = method == Method.THANORA_PAPER;
      return new Spr(
          paper ? 1e-3 : 0.1, paper ? Norm.SQUARED : Norm.COSINE, Mode.SEPARATE, Pairs.SUM, false,
          Between.TASKS, SprSchedule.CONSTANT);
    }
  }

  /** Learning rate over the steps after warm-up. */
  public enum Schedule { COSINE, LINEAR, CONSTANT }

  /** What happens to a row longer than max_length; counted and reported either way. */
  public enum LongRows { REFUSE, DROP, TRUNCATE }

  /** Which task the next row comes from. */
  public enum Mixing { PROPORTIONAL, UNIFORM, TEMPERATURE, WEIGHTS }

  /** What is weighted alike in the loss of a step: labelled tokens, rows or tasks. */
  public enum Loss { TOKEN, ROW, TASK }

  /** How the gradients of the tasks become one. */
  public enum Gradients {
    /** Their sum. */
    SUM,
    /** PCGrad on the whole adapter. */
    PCGRAD,
    /** CAGrad on the whole adapter. */
    CAGRAD,
    /** PCGrad matrix by matrix: what method ortho-lora does. */
    ORTHO,
    /** A task's block listens to other tasks with weight rho only. */
    OWNED
  }

  /** Over the tasks: the mean, or the task that is worst. */
  public enum BestMetric { MEAN, WORST }

  /**
   * Training.
   *
   * @param learningRate highest learning rate, at the end of the warm-up
   * @param loraplusLrRatio learning rate of B over that of A, which is learningRate: LoRA+
   * @param maxSteps optimiser steps; 0 = by num_train_epochs
   * @param numTrainEpochs passes over all rows of all tasks; used when max_steps is 0
   * @param batchSize rows an optimiser step
   * @param microBatchTokens most tokens of one forward pass; 0 = no limit
   * @param gradientAccumulationSteps forward passes that a batch is cut into
   * @param lrSchedulerType course of the learning rate
   * @param warmupRatio share of the steps in which the learning rate rises from 0
   * @param maxGradNorm gradients longer than this are cut to it; 0 = never
   * @param weightDecay AdamW's, a step, times the learning rate
   * @param adamBeta1 decay of the mean of gradients
   * @param adamBeta2 decay of the mean of their squares
   * @param adamEpsilon added to the root
   * @param loss what is weighted alike in the loss of a step
   * @param lossPower how far it is, from 0, tokens alike, to 1
   * @param maxLength most tokens of a row
   * @param longRows what happens to longer ones
   * @param mixing which task the next row comes from
   * @param mixingTemperature shares are rows^(1/temperature); 1 = proportional
   * @param validationRows rows a task held out of train for evaluation during the run
   * @param evalSteps steps between two evaluations; 0 = none during the run
   * @param saveSteps steps between two checkpoints; 0 = only at the end
   * @param saveTotalLimit checkpoints kept
   * @param earlyStoppingPatience evaluations without a new best before it stops; 0 = never
   * @param metricForBestModel what the best is judged by
   * @param loadBestModelAtEnd gives the best checkpoint's adapter out instead of the last one
   * @param gradients how the gradients of the tasks become one
   * @param rho weight of other tasks' gradients in a task's block, 0 to 1; for gradients owned
   * @param conflictSteps steps between entries in the log of how the tasks' gradients agree; 0 = none
   * @param checkpointing keeps the input of each layer only, and computes the layer again in the backward pass
   */
  public record Train(
      double learningRate,
      double loraplusLrRatio,
      int maxSteps,
      double numTrainEpochs,
      int batchSize,
      int microBatchTokens,
      int gradientAccumulationSteps,
      Schedule lrSchedulerType,
      double warmupRatio,
      double maxGradNorm,
      double weightDecay,
      double adamBeta1,
      double adamBeta2,
      double adamEpsilon,
      Loss loss,
      double lossPower,
      int maxLength,
      LongRows longRows,
      Mixing mixing,
      double mixingTemperature,
      int validationRows,
      int evalSteps,
      int saveSteps,
      int saveTotalLimit,
      int earlyStoppingPatience,
      BestMetric metricForBestModel,
      boolean loadBestModelAtEnd,
      Gradients gradients,
      double rho,
      int conflictSteps,
      boolean checkpointing) {

    /** What holds unless the recipe says otherwise. */
    public static Train defaults() {
      return new Train(
          2e-4, 1, 0, 1, 32, 0, 1, Schedule.COSINE, 0.03, 1, 0, 0.9, 0.999, 1e-8, Loss.TOKEN, 1, 512,
          LongRows.REFUSE, Mixing.PROPORTIONAL, 2, 0, 0, 0, 2, 0, BestMetric.MEAN, false,
          Gradients.SUM, 0.3, 0, false);
    }
  }

  /**
   * Evaluation before and after.
   *
   * @param maxRows rows of each task's test file, chosen by the seed; 0 = all
   * @param batchSize rows answered at once
   * @param maxNewTokens most tokens of an answer; 0 = the longest completion of train
   * @param generate whether answers are generated and scored; if not, only the loss is measured
   */
  public record Eval(int maxRows, int batchSize, int maxNewTokens, boolean generate) {
    /** What holds unless the recipe says otherwise. */
    public static Eval defaults() {
      return new Eval(200, 16, 0, true);
    }
  }

  /**
   * Merging into the base and the check of it.
   *
   * @param maxLogitDifference largest difference of a logit, adapter against merged, over the largest
   *     logit; 0 = 1e-4 in float32, 0.1 where weights or activations have 16 bits
   * @param probeRows test rows a task that it is measured on
   * @param dtype element type of the merged weights; auto = that of the base
   */
  public record Merge(double maxLogitDifference, int probeRows, Dtype dtype) {
    /** What holds unless the recipe says otherwise. */
    public static Merge defaults() {
      return new Merge(0, 8, Dtype.AUTO);
    }
  }

  /**
   * Files of a task: as written if absolute, in {@link #data()} if not; a glob stands for the files
   * it matches, by name, and for itself if there is none.
   */
  public List<Path> files(List<String> names) {
    return names.stream().flatMap(name -> Globs.files(Path.of(data), name).stream()).toList();
  }

  /**
   * This recipe with some keys changed, checked as a recipe file is.
   *
   * @param overrides {@code key=value} each, as in {@code train.max_steps=10}
   * @throws RecipeException naming every problem
   */
  public Recipe with(String... overrides) {
    Consumer<String> ignored = note -> {};
    return RecipeReader.parse(toYaml(), "recipe", List.of(overrides), ignored);
  }

  /** The same with other names of model and data sets. */
  Recipe withNames(String otherModel, List<Task> otherTasks) {
    return new Recipe(
        otherModel, data, method, seed, device, dtype, threads, plan, chatTemplate, chatTemplateKwargs, otherTasks, images, lora,
        hasi, spr, train, eval, merge);
  }

  /** The same recipe with absolute paths, so that it can be read from any folder; names stay names. */
  public Recipe withAbsolutePaths() {
    boolean named = model.equals(DEMO_MODEL) || HubNames.model(model).isPresent();
    String absoluteModel = named ? model : absolute(model);
    return new Recipe(
        absoluteModel, absolute(data), method, seed, device, dtype, threads,
        plan.map(Recipe::absolute), chatTemplate.map(Recipe::absolute), chatTemplateKwargs, tasks, images, lora,
        hasi, spr, train, eval, merge);
  }

  private static String absolute(String path) {
    return Path.of(path).toAbsolutePath().normalize().toString();
  }

  /** The recipe as a file: every key, in a stable order; it reads back to an equal recipe. */
  public String toYaml() {
    return RecipeWriter.yaml(this);
  }
}
