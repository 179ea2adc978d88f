package thanora.method;

import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import thanora.data.Sample;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.Penalty;
import thanora.model.Decoder;

/** A way to start an adapter and to regularise its training. */
public interface AdapterMethod {
  /**
   * What every method needs to know.
   *
   * @param model the untouched base
   * @param modules names of the linear layers to adapt
   * @param taskNames in the order of the tasks' numbers
   * @param previewRows training rows of each task to look at
   * @param r rank of every module
   * @param alpha numerator of the scaling
   * @param seed the run's
   * @param fingerprint identifies the base, for the plan
   * @param givenPlan ranks to use instead of the method's own
   * @param layersDone receives the number of decoder layers measured so far
   */
  record Setting(
      Decoder model,
      List<String> modules,
      List<String> taskNames,
      List<List<Sample>> previewRows,
      int r,
      double alpha,
      long seed,
      String fingerprint,
      Optional<RankPlan> givenPlan,
      IntConsumer layersDone) {}

  /**
   * The start of training.
   *
   * @param adapter not attached yet
   * @param plan who got which rank, and why; empty where the method plans none
   */
  record Start(Adapter adapter, Optional<RankPlan> plan) {}

  /** Makes the adapter. */
  Start start(Setting setting);

  /** An adapter of the same shape without its start, for {@link Adapter#restore}. */
  Adapter empty(Setting setting);

  /** The regulariser; {@link Penalty#NONE} where there is none. */
  Penalty penalty(Adapter adapter);
}
