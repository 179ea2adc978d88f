package thanora.method;

import org.bytedeco.pytorch.Tensor;

/** The rank at which an adapter of another form has about as many trainable numbers as a plain LoRA. */
final class EqualBudget {
  private EqualBudget() {}

  /** Trainable numbers of a module of these widths at a rank. */
  interface Parameters {
    long of(int r, long in, long out);
  }

  /** The rank, at least 1, whose number over all modules is nearest to that of the setting's LoRA. */
  static int rank(AdapterMethod.Setting setting, Parameters parameters) {
    long budget = total(setting, (r, in, out) -> r * (in + out), setting.r());
    int r = 1;
    while (total(setting, parameters, r + 1) <= budget) {
      r++;
    }
    long below = budget - total(setting, parameters, r);
    long above = total(setting, parameters, r + 1) - budget;
    return above < below ? r + 1 : r;
  }

  private static long total(AdapterMethod.Setting setting, Parameters parameters, int r) {
    long total = 0;
    for (String module : setting.modules()) {
      Tensor w = setting.model().projection(module).weight();
      total += parameters.of(r, w.size(1), w.size(0));
    }
    return total;
  }
}
