package thanora.method;

import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import thanora.data.Sample;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.Penalty;
import thanora.model.Decoder;

/** A way to shape an adapter, to start it, and to regularise its training. One file a method. */
public interface AdapterMethod {
  /**
   * What every method needs to know.
   *
   * @param model the untouched base
   * @param modules names of the linear layers to adapt
   * @param taskNames in the order of the tasks' numbers
   * @param previewRows training rows of each task to look at
   * @param r rank of every module, of a plain LoRA: a method of another form chooses its rank so that
   *     it has about as many trainable numbers
   * @param alpha numerator of the scaling of a plain LoRA
   * @param seed the run's
   * @param fingerprint identifies the base, for the plan
   * @param givenPlan ranks to use instead of the method's own
   * @param layersDone receives the number of decoder layers measured so far; a share of them where all
   *     are measured together
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
      IntConsumer layersDone) {

    /** s = alpha / r. */
    public double scaling() {
      return alpha / r;
    }
  }

  /** The shape of its adapter. */
  AdapterForm form(Setting setting);

  /**
   * Gives a member its start.
   *
   * @param adapter of this method's form, not attached yet
   * @return who got which rank, and why; empty where the method plans none
   */
  Optional<RankPlan> start(Setting setting, Adapter adapter, int member);

  /** The regulariser of a member; {@link Penalty#NONE} where there is none. */
  default Penalty penalty(Adapter adapter, int member) {
    return Penalty.NONE;
  }

  /** An adapter of one member, without its start. */
  default Adapter empty(Setting setting) {
    return form(setting).create(setting.model(), setting.modules(), 1);
  }
}
