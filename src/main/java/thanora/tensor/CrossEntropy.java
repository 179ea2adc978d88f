package thanora.tensor;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** Cross-entropy and its gradient by one kernel, for 16-bit logits on an NVIDIA GPU: float32 copies never exist. */
public final class CrossEntropy {
  private static final int PACK = 8; // these two as in packs.cu
  private static final int BLOCK = 512;
  private static final GpuProgram.Family<CrossEntropy> FAMILY = new GpuProgram.Family<>(CrossEntropy::new);

  private final GpuProgram.Kernel kernel;

  private CrossEntropy(Placement placement) {
    kernel = new GpuProgram(CrossEntropy.class, "cross_entropy.cu", placement).kernel("crossEntropy");
  }

  /** That for logits over so many tokens; none where it does not serve. */
  public static Optional<CrossEntropy> of(Placement placement, int vocabulary) {
    return suits(placement.dtype(), vocabulary) ? FAMILY.of(placement) : Optional.empty();
  }

  /** Whether it serves such logits on a GPU of its generation. */
  public static boolean suits(DType dtype, int vocabulary) {
    return dtype.bytes() == 2 && vocabulary % PACK == 0;
  }

  /**
   * Writes losses, and gradients where factors are given.
   *
   * @param logits (m, V), contiguous, of which factor · (softmax − onehot) takes the place
   * @param targets (m), int64
   * @param factors (m, 1), float32
   * @param cap of a soft cap that made the logits, whose slope 1 − (logit/cap)² is a factor too; 0 for none
   * @param nll −log p(target) (m), float32
   */
  public void apply(Tensor logits, Tensor targets, Optional<Tensor> factors, double cap, Tensor nll) {
    GpuArguments arguments = GpuArguments.start().matrix(logits).vector(targets);
    arguments = factors.isPresent() ? arguments.vector(factors.get()) : arguments.noVector();
    kernel.launch((int) logits.size(0), BLOCK,
        arguments.number((float) cap).vector(nll).number((int) logits.size(1)));
  }
}
