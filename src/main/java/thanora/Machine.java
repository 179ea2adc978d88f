package thanora;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/** What the machine has, as its files and tools say; nothing is loaded for it. */
public final class Machine {
  private static final Path MEMORY = Path.of("/proc/meminfo");
  private static final Path CGROUP = Path.of("/sys/fs/cgroup");

  private Machine() {}

  /**
   * A GPU.
   *
   * @param total bytes
   * @param free bytes
   * @param driver its version
   */
  public record Gpu(String name, long total, long free, String driver) {}

  /** Bytes of main memory; empty where there is no /proc. */
  public static OptionalLong memory() {
    return kilobytes("MemTotal");
  }

  /** Bytes that a container allows; empty where it allows all. */
  public static OptionalLong memoryLimit() {
    OptionalLong limit = number(CGROUP.resolve("memory.max"));
    limit = limit.isPresent() ? limit : number(CGROUP.resolve("memory/memory.limit_in_bytes"));
    OptionalLong memory = memory();
    return limit.isPresent() && memory.isPresent() && limit.getAsLong() >= memory.getAsLong()
        ? OptionalLong.empty() : limit;
  }

  /** Bytes of main memory that a new process may take; empty where there is no /proc. */
  public static OptionalLong freeMemory() {
    OptionalLong available = kilobytes("MemAvailable");
    OptionalLong limit = memoryLimit();
    if (limit.isEmpty() || available.isEmpty()) {
      return available;
    }
    long used = number(CGROUP.resolve("memory.current"))
        .orElseGet(() -> number(CGROUP.resolve("memory/memory.usage_in_bytes")).orElse(0));
    return OptionalLong.of(Math.max(0, Math.min(available.getAsLong(), limit.getAsLong() - used)));
  }

  private static OptionalLong kilobytes(String key) {
    return lines(MEMORY).stream().filter(line -> line.startsWith(key + ":"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10).findFirst();
  }

  /** The number that a file holds; empty where there is no such file, or it says max. */
  private static OptionalLong number(Path file) {
    return lines(file).stream().filter(line -> line.matches("\\d{1,18}")).mapToLong(Long::parseLong).findFirst();
  }

  private static List<String> lines(Path file) {
    try {
      return Files.isReadable(file) ? Files.readAllLines(file) : List.of();
    } catch (IOException e) {
      return List.of();
    }
  }

  /** NVIDIA's GPUs, as nvidia-smi lists them; none where it is not there. */
  public static List<Gpu> gpus() {
    List<Gpu> gpus = new ArrayList<>();
    for (String line : output("nvidia-smi", "--query-gpu=name,memory.total,memory.free,driver_version",
        "--format=csv,noheader,nounits")) {
      String[] parts = line.split(",\\s*");
      if (parts.length == 4 && parts[1].matches("\\d+") && parts[2].matches("\\d+")) {
        gpus.add(new Gpu(parts[0], Long.parseLong(parts[1]) << 20, Long.parseLong(parts[2]) << 20, parts[3]));
      }
    }
    return gpus;
  }

  private static List<String> output(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      process.getOutputStream().close();
      List<String> lines = process.inputReader().lines().toList();
      return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0 ? lines : List.of();
    } catch (IOException notThere) {
      return List.of();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }
}
