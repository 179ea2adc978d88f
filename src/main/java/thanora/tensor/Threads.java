package thanora.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.global.torch;

/**
 * Sets the thread pools once, so that they do not fight.
 *
 * <p>OpenBLAS and libgomp each spin their own threads; with both at the number of cores a training
 * step takes three times as long. OpenBLAS gets the cores, since matrix products are the work.
 */
public final class Threads {
  private static volatile int count;

  private Threads() {}

  /**
   * Gives matrix products {@code count} threads and everything else one.
   *
   * @param count at least 1
   */
  public static void use(int count) {
    if (count < 1) {
      throw new IllegalArgumentException("threads " + count + " is smaller than 1; leave it out for all cores");
    }
    Natives.await();
    torch.set_num_threads(1);
    openblas.blas_set_num_threads(count);
    Threads.count = count;
  }

  /**
   * Runs {@code body} with one thread for matrix products too: decompositions of small matrices are
   * many tiny calls, where waking a second thread costs more than it does, and a hundred times more
   * where other programs want the cores.
   */
  public static <T> T onOne(Supplier<T> body) {
    int before = count;
    if (before > 1) {
      openblas.blas_set_num_threads(1);
    }
    try {
      return body.get();
    } finally {
      if (before > 1) {
        openblas.blas_set_num_threads(before);
      }
    }
  }

  /**
   * Runs tasks of linear algebra, each on one thread, as many side by side as BLAS has threads; one
   * after the other where {@link #use} was never called.
   *
   * @param tasks each opens a {@link TensorScope} and a {@link NoGrad} of its own, since both are a
   *     thread's, and may not call {@link #onOne}
   * @return what they return, in their order; the first that failed throws
   */
  public static <T> List<T> sideBySide(List<Callable<T>> tasks) {
    if (tasks.isEmpty()) {
      return List.of();
    }
    int threads = Math.max(1, count);
    ExecutorService pool = Executors.newFixedThreadPool(Math.min(threads, tasks.size()));
    if (threads > 1) {
      openblas.blas_set_num_threads(1);
    }
    try {
      List<T> done = new ArrayList<>();
      for (Future<T> future : pool.invokeAll(tasks)) {
        done.add(future.get());
      }
      return done;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException fault) {
        throw fault;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in linear algebra", e);
    } finally {
      pool.shutdownNow();
      if (threads > 1) {
        openblas.blas_set_num_threads(threads);
      }
    }
  }
}
