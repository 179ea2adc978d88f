package thanora.data;

import java.util.Arrays;
import java.util.List;

/** How often each task is drawn: its share of the rows of training. */
public sealed interface Mixing {
  /** The names {@link #of} knows. */
  List<String> NAMES = List.of("proportional", "uniform", "temperature", "weights");

  /**
   * The shares of tasks of these sizes; they sum to 1.
   *
   * @throws IllegalArgumentException if the mixing is of another number of tasks
   */
  double[] shares(int[] sizes);

  /** The shuffled union of all rows: each row once an epoch, so p_t ∝ n_t. */
  record Proportional() implements Mixing {
    @Override
    public double[] shares(int[] sizes) {
      return normalised(Arrays.stream(sizes).asDoubleStream().toArray());
    }
  }

  /** All tasks alike: p_t = 1/T. */
  record Uniform() implements Mixing {
    @Override
    public double[] shares(int[] sizes) {
      double[] shares = new double[sizes.length];
      Arrays.fill(shares, 1.0 / sizes.length);
      return shares;
    }
  }

  /** p_t ∝ n_t^(1/τ): τ = 1 is proportional, a large τ nears uniform. */
  record Temperature(double tau) implements Mixing {
    public Temperature {
      if (!(tau > 0) || Double.isInfinite(tau)) {
        throw new IllegalArgumentException(
            "mixing temperature " + tau + " must be above 0; 1 is proportional, more is more even");
      }
    }

    @Override
    public double[] shares(int[] sizes) {
      double largest = Arrays.stream(sizes).max().orElse(1);
      return normalised(
          Arrays.stream(sizes).mapToDouble(n -> Math.pow(n / largest, 1 / tau)).toArray());
    }
  }

  /** p_t ∝ w_t, one positive weight a task. */
  record Weights(List<Double> weights) implements Mixing {
    public Weights {
      weights = List.copyOf(weights);
      for (double weight : weights) {
        if (!(weight > 0) || Double.isInfinite(weight)) {
          throw new IllegalArgumentException(
              "mixing weight " + weight + " must be above 0; leave the task out instead");
        }
      }
    }

    @Override
    public double[] shares(int[] sizes) {
      if (sizes.length != weights.size()) {
        throw new IllegalArgumentException(
            weights.size() + " mixing weights for " + sizes.length + " tasks; give one a task");
      }
      return normalised(weights.stream().mapToDouble(w -> w).toArray());
    }
  }

  /**
   * The mixing of a name; the temperature and the weights count only where they are asked for.
   *
   * @throws IllegalArgumentException if the name is unknown, with the names there are
   */
  static Mixing of(String name, double temperature, List<Double> weights) {
    return switch (name) {
      case "proportional" -> new Proportional();
      case "uniform" -> new Uniform();
      case "temperature" -> new Temperature(temperature);
      case "weights" -> new Weights(weights);
      default ->
          throw new IllegalArgumentException(
              "unknown mixing \"" + name + "\"; use one of " + String.join(", ", NAMES));
    };
  }

  private static double[] normalised(double[] masses) {
    double sum = Arrays.stream(masses).sum();
    return Arrays.stream(masses).map(mass -> mass / sum).toArray();
  }
}
