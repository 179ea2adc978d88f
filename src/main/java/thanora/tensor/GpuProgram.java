package thanora.tensor;

import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.IntSupplier;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * CUDA kernels, compiled by NVRTC for one GPU. They run in the order of libtorch's operators, on its
 * default stream.
 */
public final class GpuProgram {
  private static final int OLDEST_GPU = 80; // Ampere: the first to convert to bfloat16 by an instruction

  private final CUctx_st context = new CUctx_st();
  private final CUmod_st module = new CUmod_st();

  /**
   * Compiles a program for elements of a type on a GPU, which libtorch must have used already.
   *
   * @param owner a class in whose package the source is; it is put behind packs.cu
   * @param defined names of the preprocessor to define
   * @throws LinkageError if CUDA's libraries, or the classes that call them, are not there
   * @throws IllegalStateException if the source does not compile for this GPU
   */
  public GpuProgram(Class<?> owner, String file, Placement elements, String... defined) {
    try (TensorScope scope = TensorScope.open()) {
      int[] handle = new int[1];
      check(cudart.cuDeviceGet(handle, elements.index()));
      int capability = capability(handle[0]);
      if (capability < OLDEST_GPU) {
        throw new IllegalStateException("compute capability " + capability + " is less than " + OLDEST_GPU);
      }
      List<String> options = new ArrayList<>(List.of("--gpu-architecture=sm_" + capability, "--std=c++17"));
      Arrays.stream(defined).forEach(name -> options.add("-D" + name));
      if (elements.dtype() != DType.BF16) {
        options.add("-D" + elements.dtype().name());
      }
      String source = text(GpuProgram.class, "packs.cu") + text(owner, file);
      BytePointer code = compiled(source, options.toArray(String[]::new));
      check(cudart.cuDevicePrimaryCtxRetain(context, handle[0])); // the one libtorch is in
      inContext(() -> cudart.cuModuleLoadData(module, code));
    }
  }

  private static String text(Class<?> owner, String file) {
    try (InputStream in = owner.getResourceAsStream(file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Kernels of one kind, compiled for each GPU and type of 16 bits, or float32, when they are first asked for.
   *
   * @param <T> what calls them
   */
  public static final class Family<T> {
    private final Map<Placement, Optional<T>> made = new ConcurrentHashMap<>();
    private final Function<Placement, T> make;

    /** @param make compiles those of a placement */
    public Family(Function<Placement, T> make) {
      this.make = make;
    }

    /** Those of a GPU and type; none where they do not serve, which is noted once if that is a surprise. */
    public Optional<T> of(Placement placement) {
      if (placement.isCpu() || placement.dtype() == DType.F64 || !Tensors.cudaIsAvailable()) {
        return Optional.empty();
      }
      return made.computeIfAbsent(placement, this::tried);
    }

    private Optional<T> tried(Placement placement) {
      try {
        return Optional.of(make.apply(placement));
      } catch (LinkageError | IllegalStateException e) {
        System.getLogger(GpuProgram.class.getName()).log(System.Logger.Level.WARNING,
            "{0}: the fast kernels do not serve, so steps are slower: {1}", placement.device(), e.getMessage());
        return Optional.empty();
      }
    }
  }

  /** A kernel by its name in the source, where it is {@code extern "C"}. */
  public Kernel kernel(String name) {
    CUfunc_st function = new CUfunc_st();
    inContext(() -> cudart.cuModuleGetFunction(function, module, name));
    return new Kernel(function);
  }

  /** A kernel of this program, ready to run. */
  public final class Kernel {
    private final CUfunc_st function;

    private Kernel(CUfunc_st function) {
      this.function = function;
    }

    /** Queues {@code blocks} blocks of {@code threads} threads each; none is no work. */
    public void launch(int blocks, int threads, GpuArguments arguments) {
      if (blocks > 0) {
        inContext(() -> cudart.cuLaunchKernel(
            function, blocks, 1, 1, threads, 1, 1, 0, null, arguments.addresses, (PointerPointer<?>) null));
      }
    }
  }

  /** Several GPUs may be in use, so each call is made on this one's, which then is no longer the current one. */
  private void inContext(IntSupplier call) {
    check(cudart.cuCtxPushCurrent(context));
    try {
      check(call.getAsInt());
    } finally {
      cudart.cuCtxPopCurrent(context);
    }
  }

  private static BytePointer compiled(String source, String... options) {
    _nvrtcProgram program = new _nvrtcProgram();
    checkCompiler(nvrtc.nvrtcCreateProgram(program, new BytePointer(source), new BytePointer("kernels.cu"), 0,
        (PointerPointer<?>) null, (PointerPointer<?>) null));
    try {
      if (nvrtc.nvrtcCompileProgram(program, options.length, new PointerPointer<>(options)) != nvrtc.NVRTC_SUCCESS) {
        throw new IllegalStateException(firstLine(log(program)));
      }
      SizeTPointer size = new SizeTPointer(1);
      checkCompiler(nvrtc.nvrtcGetCUBINSize(program, size));
      BytePointer code = new BytePointer(size.get());
      checkCompiler(nvrtc.nvrtcGetCUBIN(program, code));
      return code;
    } finally {
      nvrtc.nvrtcDestroyProgram(program);
    }
  }

  private static String log(_nvrtcProgram program) {
    SizeTPointer size = new SizeTPointer(1);
    checkCompiler(nvrtc.nvrtcGetProgramLogSize(program, size));
    BytePointer log = new BytePointer(Math.max(1, size.get()));
    checkCompiler(nvrtc.nvrtcGetProgramLog(program, log));
    return log.getString();
  }

  private static String firstLine(String text) {
    return text.lines().filter(line -> !line.isBlank()).findFirst().orElse("NVRTC gives no reason");
  }

  /** Compute capability of a GPU, such as 80. */
  static int capability(int handle) {
    return 10 * attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, handle)
        + attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, handle);
  }

  private static int attribute(int which, int handle) {
    int[] value = new int[1];
    check(cudart.cuDeviceGetAttribute(value, which, handle));
    return value[0];
  }

  private static void checkCompiler(int result) {
    if (result != nvrtc.NVRTC_SUCCESS) {
      throw new IllegalStateException("NVRTC: " + nvrtc.nvrtcGetErrorString(result).getString());
    }
  }

  private static void check(int result) {
    if (result != cudart.CUDA_SUCCESS) {
      throw new IllegalStateException("CUDA error " + result);
    }
  }
}
