package thanora.tensor;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.global.torch;

/**
 * The native libraries, loaded to see whether they load.
 *
 * @param built what libtorch says of its build
 * @param gpus that it can use
 */
public record Natives(String built, int gpus) {
  private static final Pattern CAPABILITY = Pattern.compile("CPU capability usage: *(\\S+)");
  private static final Pattern RUNTIME = Pattern.compile("CUDA Runtime *([\\d.]+)");

  private static FutureTask<Natives> ahead;

  /**
   * Loads libtorch and OpenBLAS.
   *
   * @throws LinkageError if one does not load
   */
  public static Natives load() {
    openblas.blas_get_num_threads();
    return new Natives(torch.show_config().getString(), torch.cuda_is_available() ? torch.cuda_device_count() : 0);
  }

  /**
   * Begins to load them beside what the caller does next, which is anything without tensors up to {@link
   * Threads#use}: that waits, since two threads at the start of libtorch's classes may wait for each other.
   */
  public static synchronized void loadAhead() {
    if (ahead == null) {
      ahead = new FutureTask<>(Natives::load);
      Thread loading = new Thread(ahead, "natives");
      loading.setDaemon(true);
      loading.start();
      // a library may not be half loaded when the process tears it down
      Runtime.getRuntime().addShutdownHook(new Thread(() -> {
        try {
          loading.join();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }));
    }
  }

  /**
   * Waits for what {@link #loadAhead} began, if it did.
   *
   * @throws LinkageError if a library does not load
   */
  static synchronized void await() {
    try {
      if (ahead != null) {
        ahead.get();
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof LinkageError fault) {
        throw fault;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in loading libraries", e);
    }
  }

  /** The instructions that kernels are chosen for, such as AVX2. */
  public String capability() {
    return first(CAPABILITY);
  }

  /** The version of CUDA that libtorch was built for; empty where for none. */
  public String cuda() {
    return first(RUNTIME);
  }

  private String first(Pattern pattern) {
    Matcher found = pattern.matcher(built);
    return found.find() ? found.group(1).replaceAll("[,.]$", "") : "";
  }

  /** Whether this is the build for NVIDIA's GPUs, whose libtorch comes with -Pcuda only. */
  public static boolean isCudaBuild() {
    return Natives.class.getResource("/org/bytedeco/pytorch/linux-x86_64-gpu/libtorch_cuda.so") != null;
  }
}
