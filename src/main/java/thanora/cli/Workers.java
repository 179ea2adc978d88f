package thanora.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import thanora.train.StoppedException;

/**
 * Processes of this program, one a device, that share a comparison. A process sees one GPU only, as the
 * first; they know of each other by the locks of the groups they work at.
 */
final class Workers {
  private static final String VISIBLE = "CUDA_VISIBLE_DEVICES";

  private Workers() {}

  /** A device as the recipe names it, and the environment in which a process finds it. */
  private record Place(String device, Optional<String> visible) {
    static Place of(String device) {
      if (!device.matches("cpu|cuda(:\\d+)?")) {
        throw new IllegalArgumentException("--devices " + device + ": is not cpu, cuda or cuda:N");
      }
      if (!device.startsWith("cuda:")) {
        return new Place(device, Optional.empty());
      }
      int number = Integer.parseInt(device.substring("cuda:".length()));
      String[] visible = Optional.ofNullable(System.getenv(VISIBLE)).orElse("").split(",");
      boolean all = visible.length == 1 && visible[0].isEmpty();
      if (!all && number >= visible.length) {
        throw new IllegalArgumentException("--devices " + device + ": " + VISIBLE + " names "
            + visible.length + " devices; count from 0");
      }
      return new Place("cuda", Optional.of(all ? "" + number : visible[number].strip()));
    }
  }

  /**
   * What all these devices are: cpu or cuda.
   *
   * @throws IllegalArgumentException where one is no device, or they are not of one kind
   */
  static String kind(List<String> devices) {
    List<String> kinds = devices.stream().map(device -> Place.of(device.strip()).device).distinct().toList();
    if (kinds.size() > 1) {
      throw new IllegalArgumentException("--devices " + String.join(",", devices)
          + ": are of two kinds, which group runs in different ways; name GPUs or cpu alone");
    }
    return kinds.get(0);
  }

  /**
   * Runs a command on every device until all are through.
   *
   * @param command words after {@code thanora}, to which {@code --worker DEVICE} is added
   * @param lines gets what they say
   * @throws StoppedException if this process was asked to stop; they have stopped in good order too
   */
  static void run(List<String> devices, List<String> command, Consumer<String> lines) {
    List<Place> places = devices.stream().map(String::strip).map(Place::of).toList();
    List<Process> processes = new ArrayList<>();
    try {
      for (int i = 0; i < places.size(); i++) {
        Process process = start(places.get(i), command);
        processes.add(process);
        String name = "[" + devices.get(i).strip() + "] ";
        Thread reader = new Thread(() -> read(process, line -> lines.accept(name + line)), "worker " + i);
        reader.setDaemon(true);
        reader.start();
      }
      await(processes);
    } finally {
      processes.forEach(Process::destroy); // those that live on after a failure here
    }
    if (StopSignals.received()) {
      throw new StoppedException("stopped on " + String.join(", ", devices));
    }
    for (int i = 0; i < processes.size(); i++) {
      if (processes.get(i).exitValue() != 0) {
        lines.accept("the process on " + devices.get(i).strip() + " ended with code "
            + processes.get(i).exitValue() + "; what it left is done here");
      }
    }
  }

  private static Process start(Place place, List<String> command) {
    List<String> words = new ArrayList<>();
    words.add(ProcessHandle.current().info().command().orElse("java"));
    words.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    words.addAll(List.of("-Dthanora.stderr.tty=false", "-cp", System.getProperty("java.class.path"),
        Main.class.getName()));
    words.addAll(command);
    words.addAll(List.of("--worker", place.device));
    ProcessBuilder builder = new ProcessBuilder(words).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    place.visible.ifPresent(visible -> builder.environment().put(VISIBLE, visible));
    try {
      return builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException("a process for " + place.device + " cannot be started", e);
    }
  }

  private static void read(Process process, Consumer<String> lines) {
    try (BufferedReader reader = new BufferedReader(
        new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
      reader.lines().filter(line -> !line.isBlank()).forEach(lines);
    } catch (IOException | UncheckedIOException ended) {
      // its exit code says more
    }
  }

  /** Waits for all; a signal is passed on, and each ends after its step. */
  private static void await(List<Process> processes) {
    boolean told = false;
    try {
      for (Process process : processes) {
        while (!process.waitFor(200, TimeUnit.MILLISECONDS)) {
          if (StopSignals.received() && !told) {
            processes.forEach(Process::destroy);
            told = true;
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoppedException("interrupted");
    }
  }
}
