package thanora.fused;

import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Activation;
import thanora.model.Angles;
import thanora.tensor.GpuArguments;
import thanora.tensor.GpuProgram;
import thanora.tensor.Placement;

/**
 * The kernels for 16 bits and float32 on an NVIDIA GPU, one launch each: {@code kernels.cu}, compiled for the GPU
 * when it is first used. Where rows do not begin at multiples of 16 bytes a slower build of it serves.
 */
final class CudaKernels implements Kernels, NextTokens {
  private static final int PACK = 8; // what a thread reads at once; these three as in kernels.cu and packs.cu
  private static final int HELD = 4;
  private static final int LARGEST_BLOCK = 512;
  private static final int WARP = 32;
  private static final int BLOCK = 128;
  private static final int ATTENDING = 256; // as in kernels.cu

  private static final GpuProgram.Family<Kernels> FAMILY = new GpuProgram.Family<>(CudaKernels::new);

  /** Of kernels.cu, in their order. */
  private enum Name {
    normFirst, normAgain, addNorm, normBackward, turn, copy, gated, gatedBackward, attendNext
  }

  private final Placement placement;
  private final GpuProgram.Kernel[] aligned;
  private GpuProgram.Kernel[] unaligned; // compiled when it is needed

  private CudaKernels(Placement placement) {
    this.placement = placement;
    aligned = compile();
  }

  /** Those of a GPU and type, if they serve. */
  static Optional<Kernels> of(Placement placement) {
    return FAMILY.of(placement);
  }

  private GpuProgram.Kernel[] compile(String... defined) {
    GpuProgram program = new GpuProgram(CudaKernels.class, "kernels.cu", placement, defined);
    return Arrays.stream(Name.values()).map(name -> program.kernel(name.name())).toArray(GpuProgram.Kernel[]::new);
  }

  @Override
  public void norm(Tensor x, Tensor weight, double eps, Tensor y, Tensor rstd) {
    launchRows(Name.normFirst, x, GpuArguments.start()
        .matrix(x).vector(weight).number(wide(weight)).number((float) eps).matrix(y).vector(rstd));
  }

  @Override
  public void normAgain(Tensor x, Tensor weight, Tensor rstd, Tensor y) {
    launchRows(Name.normAgain, x, GpuArguments.start()
        .matrix(x).vector(weight).number(wide(weight)).vector(rstd).matrix(y));
  }

  @Override
  public void addNorm(Tensor a, Tensor b, Tensor weight, double eps, Tensor sum, Tensor y, Tensor rstd) {
    launchRows(Name.addNorm, a, GpuArguments.start()
        .matrix(a).matrix(b).vector(weight).number(wide(weight)).number((float) eps)
        .matrix(sum).matrix(y).vector(rstd));
  }

  @Override
  public void normBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor residual, Tensor dx) {
    launchRows(Name.normBackward, x, GpuArguments.start()
        .matrix(dy).matrix(x).vector(weight).number(wide(weight)).vector(rstd).matrix(residual).matrix(dx));
  }

  @Override
  public void turn(Tensor x, int headDim, Tensor cos, Tensor sin, boolean back, Tensor to) {
    int rows = (int) x.size(0);
    int heads = (int) x.size(1) / headDim;
    int half = (int) cos.size(1);
    GpuArguments arguments = GpuArguments.start()
        .matrix(x).number(rows).number(heads).number(headDim).matrix(cos).matrix(sin).number(half)
        .number(wide(cos)).number(back ? -1f : 1f).matrix(to);
    int packs = Math.multiplyExact(rows * heads, up(half, PACK) + up(headDim - 2 * half, PACK));
    kernel(Name.turn, half | headDim, arguments).launch(up(packs, BLOCK), BLOCK, arguments);
  }

  @Override
  public void copy(Tensor x, Tensor to) {
    launchPacks(Name.copy, x, GpuArguments.start().matrix(x).matrix(to));
  }

  @Override
  public void gated(Activation activation, Tensor gate, Tensor up, Tensor y) {
    launchPacks(Name.gated, gate, GpuArguments.start().number(gelu(activation)).matrix(gate).matrix(up).matrix(y));
  }

  @Override
  public void gatedBackward(
      Activation activation, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup, Optional<Tensor> y) {
    GpuArguments arguments = GpuArguments.start()
        .number(gelu(activation)).matrix(gate).matrix(up).matrix(dy).matrix(dgate).matrix(dup);
    launchPacks(Name.gatedBackward, gate, y.isPresent() ? arguments.matrix(y.get()) : arguments.noMatrix());
  }

  @Override
  public Optional<NextTokens> nextTokens(int headDim) {
    return headDim <= ATTENDING ? Optional.of(this) : Optional.empty();
  }

  @Override
  public void attend(Cache cache, Heads heads, Tensor qkv, Optional<Angles> angles, Tensor to) {
    GpuArguments arguments = GpuArguments.start().matrix(qkv);
    if (angles.isPresent()) {
      Tensor cos = angles.get().flatCos();
      arguments.matrix(cos).matrix(angles.get().flatSin()).number((int) cos.size(1)).number(wide(cos));
    } else {
      arguments.noMatrix().noMatrix().number(0).number(0);
    }
    arguments.elements(cache.addresses()).number(cache.layer()).number((int) cache.addresses().size(2))
        .elements(cache.positions()).number(heads.queries()).number(heads.keys()).number(heads.width())
        .number(heads.window()).number((float) heads.scale()).matrix(to);
    kernel(Name.attendNext, heads.width(), arguments)
        .launch(Math.multiplyExact((int) qkv.size(0), heads.queries()), ATTENDING, arguments);
  }

  /** One block a row of x. */
  private void launchRows(Name name, Tensor x, GpuArguments arguments) {
    int width = (int) x.size(1);
    int threads = WARP * up(up(width, PACK), WARP * HELD);
    if (threads > LARGEST_BLOCK) {
      throw new IllegalArgumentException(
          "rows of " + width + " values; kernels of norms take " + LARGEST_BLOCK * HELD * PACK + " at most");
    }
    kernel(name, width, arguments.number(width)).launch((int) x.size(0), threads, arguments);
  }

  /** One thread a pack of x, blocks of one row each. */
  private void launchPacks(Name name, Tensor x, GpuArguments arguments) {
    int width = (int) x.size(1);
    int blocks = Math.multiplyExact((int) x.size(0), up(width, BLOCK * PACK));
    kernel(name, width, arguments.number(width)).launch(blocks, BLOCK, arguments);
  }

  /** @param widths of the pieces that rows are made of, their bits joined */
  private GpuProgram.Kernel kernel(Name name, int widths, GpuArguments arguments) {
    return (arguments.areAligned() && widths % PACK == 0 ? aligned : unaligned())[name.ordinal()];
  }

  private synchronized GpuProgram.Kernel[] unaligned() {
    if (unaligned == null) {
      unaligned = compile("UNALIGNED");
    }
    return unaligned;
  }

  private static int wide(Tensor tensor) {
    return tensor.element_size() == 4 ? 1 : 0;
  }

  private static int gelu(Activation activation) {
    return activation == Activation.GELU_TANH ? 1 : 0;
  }

  private static int up(int count, int size) {
    return (count + size - 1) / size;
  }
}
