package thanora.cli;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import thanora.Machine;
import thanora.tensor.Natives;
import thanora.text.Tokenizer;

/** What is looked at of a machine, and what each thing found means. */
final class Checkup {
  private static final double GB = 1e9;

  private final List<Finding> findings = new ArrayList<>();

  private Checkup() {}

  /**
   * Looks at everything.
   *
   * @param notes gets a line before what takes long
   */
  static List<Finding> all(Consumer<String> notes) {
    Checkup checkup = new Checkup();
    checkup.java();
    checkup.text();
    checkup.temporary();
    checkup.caches();
    checkup.memory();
    checkup.disk();
    notes.accept("loading native libraries");
    checkup.natives();
    checkup.tokenizer();
    return checkup.findings;
  }

  private void add(Finding finding) {
    findings.add(finding);
  }

  private void java() {
    String found = System.getProperty("java.version") + " of " + System.getProperty("java.vendor") + ", "
        + System.getProperty("os.name") + " " + System.getProperty("os.arch");
    add(Runtime.version().feature() >= 17 ? Finding.ok("Java", found)
        : Finding.wrong("Java", found, "install JDK 17 or later, or set JAVA_HOME"));
    add(Files.exists(Path.of(System.getProperty("java.home"), "bin", windows() ? "javac.exe" : "javac"))
        ? Finding.ok("compiler", "javac of " + System.getProperty("java.home"))
        : Finding.note("compiler", "none in " + System.getProperty("java.home"),
            "a JRE runs what is built; to build, install a JDK"));
    long heap = Runtime.getRuntime().maxMemory();
    add(heap >= 1L << 30 ? Finding.ok("Java heap", gigabytes(heap) + " at most")
        : Finding.note("Java heap", gigabytes(heap) + " at most",
            "rows and token ids lie there; give JAVA_FLAGS=-Xmx2g or more for large data"));
  }

  private static boolean windows() {
    return System.getProperty("os.name").startsWith("Windows");
  }

  private void text() {
    Charset names = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    String found = "file names " + names + ", texts of the terminal " + Charset.defaultCharset();
    add(names.equals(StandardCharsets.UTF_8) ? Finding.ok("text", found)
        : Finding.note("text", found,
            "files with other letters than English ones cannot be opened; set LC_ALL=C.UTF-8"));
  }

  private void temporary() {
    Path folder = Path.of(System.getProperty("java.io.tmpdir"));
    add(runnable("temporary folder", folder, "set JAVA_FLAGS=-Djava.io.tmpdir=DIR and TMPDIR to another folder"));
  }

  /** Whether files can be made and run there: native libraries are unpacked into such folders. */
  private static Finding runnable(String what, Path folder, String remedy) {
    Path there = existing(folder);
    try {
      Path script = Files.createTempFile(there, "thanora", ".sh");
      try {
        Files.writeString(script, "#!/bin/sh\nexit 0\n");
        boolean may = windows() || script.toFile().setExecutable(true) && runs(script);
        return may ? Finding.ok(what, folder + (there.equals(folder) ? "" : ", not made yet"))
            : Finding.wrong(what, folder + ": programs there may not be run (noexec)", remedy);
      } finally {
        Files.delete(script);
      }
    } catch (IOException e) {
      return Finding.wrong(what, folder + ": cannot be written to", remedy);
    }
  }

  private static boolean runs(Path script) {
    try {
      Process process = new ProcessBuilder(script.toString()).start();
      return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException forbidden) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static Path existing(Path folder) {
    Path there = folder.toAbsolutePath();
    while (!Files.isDirectory(there) && there.getParent() != null) {
      there = there.getParent();
    }
    return there;
  }

  private void caches() {
    Path user = Path.of(System.getProperty("user.home"));
    Map<String, String> environment = System.getenv();
    add(runnable("cache of JavaCPP", Path.of(System.getProperty("org.bytedeco.javacpp.cachedir",
        user.resolve(".javacpp/cache").toString())), "set JAVA_FLAGS=-Dorg.bytedeco.javacpp.cachedir=DIR"));
    add(runnable("cache of DJL", Path.of(environment.getOrDefault("DJL_CACHE_DIR",
        user.resolve(".djl.ai").toString())), "set DJL_CACHE_DIR=DIR"));
    Path maven = user.resolve(".m2/repository");
    add(Files.isDirectory(maven) ? Finding.ok("cache of Maven", maven.toString())
        : Finding.note("cache of Maven", maven + " is not there",
            "nothing, where MVN_FLAGS=-Dmaven.repo.local=DIR names another one"));
    Path hub = huggingFace(environment, user);
    add(Finding.ok("Hugging Face", hub + (Files.isDirectory(hub) ? "" : ", not made yet")));
  }

  private static Path huggingFace(Map<String, String> environment, Path user) {
    String cache = environment.getOrDefault("XDG_CACHE_HOME", user.resolve(".cache").toString());
    String home = environment.getOrDefault("HF_HOME", cache + "/huggingface");
    return Path.of(environment.getOrDefault("HF_HUB_CACHE", home + "/hub"));
  }

  private void memory() {
    OptionalLong all = Machine.memory();
    OptionalLong free = Machine.freeMemory();
    if (all.isEmpty() || free.isEmpty()) {
      add(Finding.note("memory", "this system does not say", "see thanora plan for what a run needs"));
      return;
    }
    OptionalLong limit = Machine.memoryLimit();
    String found = gigabytes(free.getAsLong()) + " free of " + gigabytes(all.getAsLong())
        + (limit.isPresent() ? ", the container's limit is " + gigabytes(limit.getAsLong()) : "");
    add(free.getAsLong() >= GB ? Finding.ok("memory", found)
        : Finding.note("memory", found, "the demo needs 1 GB; end other programs or raise the container's limit"));
  }

  private void disk() {
    Path here = Path.of("").toAbsolutePath();
    try {
      long usable = Files.getFileStore(here).getUsableSpace();
      String found = gigabytes(usable) + " free in " + here;
      if (!Files.isWritable(here)) {
        add(Finding.note("disk", here + " cannot be written to", "give --run-dir and --out elsewhere"));
      } else {
        add(usable >= GB ? Finding.ok("disk", found)
            : Finding.note("disk", found, "runs and merged models go there; give --run-dir and --out elsewhere"));
      }
    } catch (IOException e) {
      add(Finding.note("disk", here + ": " + e.getMessage(), "give --run-dir and --out elsewhere"));
    }
  }

  private void natives() {
    Natives natives;
    try {
      natives = Natives.load();
    } catch (LinkageError e) {
      add(Finding.wrong("libtorch", "does not load: " + firstLine(e),
          Natives.isCudaBuild() ? "this is the build for CUDA 13: put its libraries on LD_LIBRARY_PATH, see the README,"
              + " or build without MVN_FLAGS=-Pcuda"
              : "remove the cache of JavaCPP and try again; on other systems than Linux and Windows x86-64 and macOS"
                  + " arm64 there is none"));
      return;
    }
    add(Finding.ok("libtorch", "loads; kernels for " + natives.capability()
        + (natives.cuda().isEmpty() ? "" : ", CUDA " + natives.cuda())));
    threads();
    gpu(natives);
  }

  private void threads() {
    int cores = Runtime.getRuntime().availableProcessors();
    String found = cores + (cores == 1 ? " core" : " cores");
    List<String> set = List.of("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS").stream()
        .filter(name -> System.getenv(name) != null).map(name -> name + "=" + System.getenv(name)).toList();
    add(set.isEmpty() ? Finding.ok("threads", found)
        : Finding.note("threads", found + "; " + String.join(", ", set),
            "the key threads of a recipe counts, not these"));
  }

  private void gpu(Natives natives) {
    List<Machine.Gpu> there = Machine.gpus();
    String found = String.join("; ", there.stream().map(gpu -> gpu.name() + ", " + gigabytes(gpu.free()) + " free of "
        + gigabytes(gpu.total()) + ", driver " + gpu.driver()).toList());
    if (there.isEmpty() && natives.gpus() == 0) {
      add(Natives.isCudaBuild()
          ? Finding.wrong("GPU", "none that nvidia-smi or libtorch sees, with the build for CUDA",
              "install NVIDIA's driver 580 or later, or build without MVN_FLAGS=-Pcuda")
          : Finding.ok("GPU", "none; training is on the CPU"));
    } else if (natives.gpus() > 0) {
      add(Finding.ok("GPU", found.isEmpty() ? natives.gpus() + " that libtorch can use" : found));
    } else if (!Natives.isCudaBuild()) {
      add(Finding.note("GPU", found + "; not used, since this build is for the CPU",
          "set MVN_FLAGS=-Pcuda and run again, see the README"));
    } else {
      int driver = Integer.parseInt("0" + there.get(0).driver().replaceFirst("\\D.*", ""));
      add(Finding.wrong("GPU", found + "; libtorch cannot use it", driver < 580
          ? "CUDA 13 needs driver 580 or later" : "put the libraries of CUDA 13 on LD_LIBRARY_PATH, see the README"));
    }
  }

  private void tokenizer() {
    Path demo = Path.of(System.getProperty("thanora.home", "")).resolve("demo").resolve("model");
    try {
      Tokenizer tokenizer = Tokenizer.of(demo);
      add(Finding.ok("tokenizers", "load; the demo model has " + tokenizer.vocabularySize() + " tokens"));
    } catch (RuntimeException | LinkageError e) {
      add(Finding.wrong("tokenizers", "do not load: " + firstLine(e),
          "remove the cache of DJL and try again; natives are there for Linux, Windows x86-64 and macOS arm64"));
    }
  }

  private static String firstLine(Throwable e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse(e.getClass().getSimpleName());
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f GB", bytes / GB);
  }
}
