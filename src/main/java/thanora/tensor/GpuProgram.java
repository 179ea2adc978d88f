package thanora.tensor;

import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;

import java.util.List;
import java.util.function.IntSupplier;
import java.util.stream.Stream;
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
  private final CUctx_st context = new CUctx_st();
  private final CUmod_st module = new CUmod_st();

  /**
   * Compiles a program.
   *
   * @param source CUDA C++ that includes nothing
   * @param defined names of the preprocessor to define
   * @param device {@code cuda} or {@code cuda:N}; libtorch must have used it already
   * @param oldest compute capability that the source needs at least, such as 80
   * @throws LinkageError if CUDA's libraries, or the classes that call them, are not there
   * @throws IllegalStateException if the source does not compile for this GPU
   */
  public GpuProgram(String source, List<String> defined, String device, int oldest) {
    try (TensorScope scope = TensorScope.open()) {
      int index = device.contains(":") ? Integer.parseInt(device.split(":")[1]) : 0;
      int[] handle = new int[1];
      check(cudart.cuDeviceGet(handle, index));
      int capability = 10 * attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, handle[0])
          + attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, handle[0]);
      if (capability < oldest) {
        throw new IllegalStateException("compute capability " + capability + " is less than " + oldest);
      }
      BytePointer code = compiled(source, Stream.concat(
          Stream.of("--gpu-architecture=sm_" + capability, "--std=c++17"),
          defined.stream().map(name -> "-D" + name)).toArray(String[]::new));
      check(cudart.cuDevicePrimaryCtxRetain(context, handle[0])); // the one libtorch is in
      inContext(() -> cudart.cuModuleLoadData(module, code));
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
