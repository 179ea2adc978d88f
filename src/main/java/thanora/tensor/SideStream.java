package thanora.tensor;

import java.util.Optional;
import org.bytedeco.pytorch.cuda.CUDAEvent;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * A second stream of a GPU. What is queued on it runs beside what the default stream is given meanwhile, as
 * far as the GPU has room; so calls that wait for memory can hide behind a large product.
 *
 * <p>Tensors belong to the default stream: what the work reads and writes must live until {@link #join}.
 */
public final class SideStream {
  private final CUDAStream main;
  private final CUDAStream side;
  private final CUDAEvent begun = new CUDAEvent();
  private final CUDAEvent done = new CUDAEvent();

  private SideStream(int gpu) {
    main = torch_cuda.getDefaultCUDAStream((byte) gpu);
    side = torch_cuda.getStreamFromPool(false, (byte) gpu);
  }

  /** One of a GPU; none in main memory. */
  public static Optional<SideStream> of(Placement placement) {
    return placement.isCpu() ? Optional.empty() : Optional.of(new SideStream(placement.index()));
  }

  /** Queues the operators that {@code work} calls, behind what the default stream has been given. */
  public void run(Runnable work) {
    begun.record(main);
    begun.block(side);
    torch_cuda.setCurrentCUDAStream(side);
    try {
      work.run();
    } finally {
      torch_cuda.setCurrentCUDAStream(main);
    }
  }

  /** What the default stream is given from now on waits for all of it. */
  public void join() {
    done.record(side);
    done.block(main);
  }
}
