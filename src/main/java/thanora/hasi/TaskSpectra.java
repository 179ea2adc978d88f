package thanora.hasi;

import java.util.List;
import java.util.Map;

/** Spectra that were made task by task, kept until the last task is there. */
public sealed interface TaskSpectra permits GradientSpectra, MomentSpectra {
  /** Spectra of each module for each task, as a start asks for them. */
  List<List<Spectrum>> of(Hasi start, List<Hasi.Module> modules);

  /**
   * Those of each module, if they are of as many tasks as the start has.
   *
   * @param measured what they were made of, for the message
   */
  static List<List<Spectrum>> complete(
      Hasi start, List<Hasi.Module> modules, Map<String, List<Spectrum>> made, String measured) {
    int tasks = start.tasks().size();
    return modules.stream().map(module -> {
      List<Spectrum> byTask = made.getOrDefault(module.name(), List.of());
      if (byTask.size() != tasks) {
        throw new IllegalArgumentException(module.name() + ": " + measured + " of " + byTask.size()
            + " tasks do not fit " + tasks);
      }
      return byTask;
    }).toList();
  }
}
