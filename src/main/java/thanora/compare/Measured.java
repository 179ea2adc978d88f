package thanora.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import thanora.compare.ComparisonResult.Task;
import thanora.page.Estimate;

/**
 * One quantity, NLL or score, of all methods; lists by method.
 *
 * @param differences to the reference; empty for the reference and the base
 * @param taskDifferences likewise, an empty list where there are none
 */
record Measured(
    List<Estimate> means,
    List<List<Estimate>> tasks,
    List<Optional<Difference>> differences,
    List<List<Difference>> taskDifferences) {

  static Measured of(
      ComparisonResult result, List<Integer> tasks, int reference, boolean isNll, int draws) {
    int methods = result.methods().size();
    Measured measured =
        new Measured(
            new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    if (tasks.isEmpty()) {
      measured.means.addAll(Collections.nCopies(methods, Estimate.NONE));
      measured.tasks.addAll(Collections.nCopies(methods, List.of()));
      measured.differences.addAll(Collections.nCopies(methods, Optional.empty()));
      measured.taskDifferences.addAll(Collections.nCopies(methods, List.of()));
      return measured;
    }
    Resamples resamples =
        Resamples.draw(values(result, tasks, isNll), weights(result, tasks, isNll), draws, 0);
    double most = isNll ? Double.POSITIVE_INFINITY : 1;
    List<Sample> ofReference = samples(resamples, reference, tasks.size());
    for (int m = 0; m < methods; m++) {
      List<Sample> samples = samples(resamples, m, tasks.size());
      measured.means.add(Sample.mean(samples).estimate(0, most));
      measured.tasks.add(samples.stream().map(s -> s.estimate(0, most)).toList());
      boolean isRival = m != reference && !result.methods().get(m).isBase();
      measured.differences.add(
          isRival
              ? Optional.of(Sample.mean(samples).minus(Sample.mean(ofReference)).difference())
              : Optional.empty());
      measured.taskDifferences.add(
          isRival ? corrected(differences(samples, ofReference)) : List.of());
    }
    measured.correctMeans();
    return measured;
  }

  private void correctMeans() {
    double[] p =
        differences.stream().mapToDouble(d -> d.map(Difference::p).orElse(Double.NaN)).toArray();
    double[] corrected = Holm.correct(p);
    for (int m = 0; m < p.length; m++) {
      double value = corrected[m];
      differences.set(m, differences.get(m).map(d -> d.withCorrectedP(value)));
    }
  }

  private static List<Sample> samples(Resamples resamples, int method, int tasks) {
    return IntStream.range(0, tasks).mapToObj(t -> resamples.task(method, t)).toList();
  }

  private static List<Difference> differences(List<Sample> method, List<Sample> reference) {
    return IntStream.range(0, method.size())
        .mapToObj(t -> method.get(t).minus(reference.get(t)).difference())
        .toList();
  }

  private static List<Difference> corrected(List<Difference> differences) {
    double[] p = Holm.correct(differences.stream().mapToDouble(Difference::p).toArray());
    return IntStream.range(0, p.length)
        .mapToObj(t -> differences.get(t).withCorrectedP(p[t]))
        .toList();
  }

  private static double[][][][] values(
      ComparisonResult result, List<Integer> tasks, boolean isNll) {
    double[][][][] values = new double[result.methods().size()][][][];
    for (int m = 0; m < values.length; m++) {
      List<ComparisonResult.Run> runs = result.methods().get(m).runs();
      values[m] = new double[result.seeds().size()][tasks.size()][];
      for (int s = 0; s < values[m].length; s++) {
        // The base has no seed: its one run stands for all.
        ComparisonResult.Run run = runs.get(Math.min(s, runs.size() - 1));
        for (int t = 0; t < tasks.size(); t++) {
          int task = tasks.get(t);
          values[m][s][t] =
              isNll ? run.rowNll()[task] : scores(run, task, result.tasks().get(task));
        }
      }
    }
    return values;
  }

  private static double[] scores(ComparisonResult.Run run, int index, Task task) {
    double[] scores = run.score(index);
    if (scores.length > 0) {
      return scores;
    }
    double[] unknown = new double[task.rows()];
    Arrays.fill(unknown, Double.NaN);
    return unknown;
  }

  private static double[][] weights(
      ComparisonResult result, List<Integer> tasks, boolean isNll) {
    return tasks.stream()
        .map(t -> result.tasks().get(t))
        .map(t -> isNll
            ? Arrays.stream(t.rowTokens()).asDoubleStream().toArray()
            : IntStream.range(0, t.rows()).mapToDouble(i -> 1).toArray())
        .toArray(double[][]::new);
  }
}
