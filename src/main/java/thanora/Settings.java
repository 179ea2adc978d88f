package thanora;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import thanora.data.Mixing;
import thanora.hasi.HasiConfig;
import thanora.hasi.Moments;
import thanora.lora.Adapter;
import thanora.lora.CaGrad;
import thanora.lora.GradientCombination;
import thanora.lora.GradientSurgery;
import thanora.lora.OwnedBlocks;
import thanora.lora.PcGrad;
import thanora.lora.Penalty;
import thanora.lora.SprConfig;
import thanora.method.AdapterMethod;
import thanora.method.Corda;
import thanora.method.Dora;
import thanora.method.HydraLora;
import thanora.method.LoraPerTask;
import thanora.method.MtlLora;
import thanora.method.Olora;
import thanora.method.Pissa;
import thanora.method.PlainLora;
import thanora.method.Thanora;
import thanora.tensor.DType;
import thanora.train.LossWeighting;
import thanora.train.LrSchedule;
import thanora.train.TrainConfig;
import thanora.train.Trainee;

/** What a recipe's words mean to the packages below it. */
final class Settings {
  private Settings() {}

  /** The method's name in recipes and summaries. */
  static String name(Recipe recipe) {
    return recipe.method().name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** A run needs a method that becomes one adapter. */
  static void requireMerging(Recipe recipe) {
    if (!recipe.method().merges()) {
      throw new RecipeException(List.of("method: " + name(recipe)
          + " does not become one adapter; it is there for thanora compare"));
    }
  }

  static AdapterMethod method(Recipe recipe) {
    return switch (recipe.method()) {
      case LORA, ORTHO_LORA -> new PlainLora(false);
      case RSLORA -> new PlainLora(true);
      case DORA -> new Dora();
      case PISSA -> new Pissa();
      case CORDA -> new Corda();
      case OLORA -> new Olora();
      case HYDRALORA -> new HydraLora(4);
      case MTL_LORA -> new MtlLora(3, 0.1);
      case LORA_PER_TASK -> new LoraPerTask();
      case THANORA, THANORA_PAPER ->
          new Thanora(name(recipe), hasi(recipe.hasi()), spr(recipe.spr()));
    };
  }

  /** How the gradients of tasks become one; their sum where empty. */
  static Optional<GradientCombination> gradients(Recipe recipe) {
    boolean ortho = recipe.method() == Recipe.Method.ORTHO_LORA;
    return switch (ortho ? Recipe.Gradients.ORTHO : recipe.train().gradients()) {
      case SUM -> Optional.empty();
      case PCGRAD -> Optional.of(new GradientSurgery(PcGrad.paper(), false, recipe.seed()));
      case CAGRAD -> Optional.of(new GradientSurgery(CaGrad.standard(), false, recipe.seed()));
      case ORTHO -> Optional.of(new GradientSurgery(PcGrad.orthoLora(), true, recipe.seed()));
      case OWNED -> Optional.of(new OwnedBlocks(recipe.train().rho()));
    };
  }

  /** How an adapter of one member is trained. */
  static Trainee trainee(Recipe recipe, AdapterMethod method, Adapter adapter, int tasks) {
    if (gradients(recipe).isPresent() || recipe.train().conflictSteps() > 0) {
      adapter.keepTaskGradients(tasks);
    }
    return new Trainee(adapter, List.of(member(recipe, method.penalty(adapter, 0), 1)));
  }

  /**
   * How one member of an adapter is trained.
   *
   * @param rate factor of the step's learning rate
   */
  static Trainee.Member member(Recipe recipe, Penalty penalty, double rate) {
    return new Trainee.Member(penalty, gradients(recipe), rate,
        loss(recipe.train()), recipe.train().loraplusLrRatio());
  }

  private static LossWeighting loss(Recipe.Train train) {
    return switch (train.loss()) {
      case TOKEN -> LossWeighting.TOKEN;
      case ROW -> new LossWeighting(LossWeighting.Unit.ROW, train.lossPower());
      case TASK -> new LossWeighting(LossWeighting.Unit.TASK, train.lossPower());
    };
  }

  static HasiConfig hasi(Recipe.Hasi hasi) {
    // statistic c takes the entropy from the covariance alone; the subspaces still come from W C
    boolean covarianceEntropy = hasi.statistic() == Recipe.Statistic.C;
    HasiConfig.Preview preview = new HasiConfig.Preview(
        switch (hasi.statistic()) {
          case WC, C -> HasiConfig.Statistic.WC;
          case WC_HALF -> HasiConfig.Statistic.WC_HALF;
          case X -> HasiConfig.Statistic.X;
          case GRADIENT -> HasiConfig.Statistic.GRADIENT;
        },
        covarianceEntropy ? HasiConfig.SpectrumOf.COVARIANCE : HasiConfig.SpectrumOf.STATISTIC,
        HasiConfig.EntropyPower.valueOf(hasi.entropy().name()),
        hasi.damping(),
        Moments.Normalisation.valueOf(hasi.covariance().name()),
        hasi.previewRows(),
        HasiConfig.PreviewTokens.valueOf(hasi.previewTokens().name()),
        hasi.dropFirstToken(),
        hasi.centre(),
        hasi.spectra());
    HasiConfig.RankRule ranks = new HasiConfig.RankRule(
        HasiConfig.Ranks.valueOf(hasi.ranks().name()),
        HasiConfig.Allocation.valueOf(hasi.allocation().name()),
        hasi.tau(),
        HasiConfig.Granularity.valueOf(hasi.granularity().name()),
        hasi.rMin(),
        hasi.coop(),
        switch (hasi.rounding()) {
          case GREEDY -> HasiConfig.Rounding.GREEDY;
          case FLOOR -> HasiConfig.Rounding.FLOOR_COOP;
          case FLOOR_TOP -> HasiConfig.Rounding.FLOOR_TOP;
        });
    HasiConfig.Start start = new HasiConfig.Start(
        HasiConfig.Subspaces.valueOf(hasi.subspaces().name()),
        HasiConfig.Split.valueOf(hasi.split().name()),
        hasi.b(),
        hasi.gamma(),
        hasi.deflation(),
        hasi.deflationVectors(),
        HasiConfig.Subtract.valueOf(hasi.subtract().name()));
    return new HasiConfig(preview, ranks, start);
  }

  static SprConfig spr(Recipe.Spr spr) {
    return new SprConfig(
        spr.lambda(),
        SprConfig.Norm.valueOf(spr.norm().name()),
        SprConfig.Mode.valueOf(spr.mode().name()),
        SprConfig.Pairs.valueOf(spr.pairs().name()),
        spr.includeCoop(),
        SprConfig.Between.valueOf(spr.between().name()),
        SprConfig.Schedule.valueOf(spr.schedule().name()));
  }

  /** Training settings for so many training rows in all. */
  static TrainConfig train(Recipe.Train train, long rows) {
    long steps = train.maxSteps() > 0
        ? train.maxSteps() : (long) Math.ceil(train.numTrainEpochs() * rows / train.batchSize());
    return new TrainConfig(
        train.learningRate(),
        Math.max(1, steps),
        train.warmupRatio(),
        LrSchedule.valueOf(train.lrSchedulerType().name()),
        train.batchSize(),
        train.microBatchTokens(),
        train.gradientAccumulationSteps(),
        train.maxGradNorm(),
        train.weightDecay(),
        train.adamBeta1(),
        train.adamBeta2(),
        train.adamEpsilon(),
        train.evalSteps(),
        train.saveSteps(),
        train.saveTotalLimit(),
        train.earlyStoppingPatience(),
        train.metricForBestModel() == Recipe.BestMetric.WORST,
        train.loadBestModelAtEnd(),
        train.conflictSteps(),
        train.checkpointing());
  }

  /** Element type of merged weights; that of the base where empty. */
  static Optional<DType> mergeDtype(Recipe recipe) {
    return switch (recipe.merge().dtype()) {
      case AUTO -> Optional.empty();
      case FLOAT32 -> Optional.of(DType.F32);
      case BFLOAT16 -> Optional.of(DType.BF16);
    };
  }

  /** How far the logits of weights merged into a base may be from the adapter's, over the largest. */
  static double mergeLimit(Recipe recipe, LoadedModel base) {
    DType weights = mergeDtype(recipe).orElse(base.checkpoint().weights().dtype(base.firstWeight()));
    return logitLimit(recipe, weights.bytes() == 2, base);
  }

  /**
   * How far logits may be from those of base and adapter, over the largest.
   *
   * @param rounded whether the weights have fewer than 32 bits
   * @param model what computes them
   */
  static double logitLimit(Recipe recipe, boolean rounded, LoadedModel model) {
    double own = recipe.merge().maxLogitDifference();
    return own > 0 ? own : rounded || model.decoder().placement().dtype().bytes() == 2 ? 0.1 : 1e-4;
  }

  static Mixing mixing(Recipe recipe) {
    return switch (recipe.train().mixing()) {
      case PROPORTIONAL -> new Mixing.Proportional();
      case UNIFORM -> new Mixing.Uniform();
      case TEMPERATURE -> new Mixing.Temperature(recipe.train().mixingTemperature());
      case WEIGHTS -> new Mixing.Weights(recipe.tasks().stream().map(Recipe.Task::weight).toList());
    };
  }
}
