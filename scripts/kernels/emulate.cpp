// Runs the kernels on a CPU: blocks one after the other, the threads of a block as fibers that take
// turns. A thread gives way at a barrier and at a shuffle, so all of a block reach it before one goes on;
// that holds as long as all threads of a block meet the same barriers and shuffles.
//
// g++ -O2 -std=c++17 -shared -fPIC [-DF16 | -DF32] [-DUNALIGNED] emulate.cpp -o libkernels.so

#include <ucontext.h>

#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#define EMULATED
#define __device__
#define __global__
#define __shared__ static
#define __launch_bounds__(threads)

struct Index { unsigned x; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) float4 { float x, y, z, w; };

static Index threadIdx, blockIdx, blockDim;
static std::vector<ucontext_t> fibers;
static std::vector<bool> ended;
static ucontext_t scheduler;

static void __syncthreads() {
  const unsigned self = threadIdx.x;
  swapcontext(&fibers[self], &scheduler);
  threadIdx.x = self;
}

static float __shfl_xor_sync(unsigned, float value, int distance) {
  static float shown[1024];
  const unsigned self = threadIdx.x;
  shown[self] = value;
  __syncthreads();
  const float other = shown[self ^ distance];
  __syncthreads();
  return other;
}

static uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static float rsqrtf(float x) { return 1 / std::sqrt(x); }
static float __fdividef(float a, float b) { return a / b; }
#define __expf std::exp  // glibc has a function of that name
template <class T> static T __ldg(const T* from) { return *from; }

#ifndef F32
#ifdef F16
static float wider(unsigned short bits) { _Float16 h; std::memcpy(&h, &bits, 2); return h; }
static unsigned narrower(float f) { _Float16 h = f; unsigned short bits; std::memcpy(&bits, &h, 2); return bits; }
#else
static float wider(unsigned short bits) {
  const unsigned word = unsigned(bits) << 16;
  float f;
  std::memcpy(&f, &word, 4);
  return f;
}

static unsigned narrower(float f) {  // to the nearest, ties to even
  unsigned bits;
  std::memcpy(&bits, &f, 4);
  return std::isnan(f) ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
}
#endif

static void unpack2(unsigned bits, float& first, float& second) {
  first = wider(bits & 0xffffu);
  second = wider(bits >> 16);
}

static unsigned pack2(float first, float second) { return narrower(first) | narrower(second) << 16; }
#endif

#include "../../src/main/resources/thanora/tensor/packs.cu"
#include "../../src/main/resources/thanora/tensor/cross_entropy.cu"
#include "../../src/main/resources/thanora/fused/kernels.cu"

template <class... A, size_t... I>
static void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
  kernel(*static_cast<std::remove_const_t<A>*>(arguments[I])...);
}

template <class... A>
static void run(void (*kernel)(A...), unsigned blocks, unsigned threads, void** arguments) {
  static void (*current)(A...);
  static void** given;
  current = kernel;
  given = arguments;
  void (*body)() = [] {
    const unsigned self = threadIdx.x;
    call(current, given, std::index_sequence_for<A...>());
    ended[self] = true;
  };
  std::vector<char> stacks(threads * size_t(65536));
  blockDim.x = threads;
  for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
    fibers.assign(threads, {});
    ended.assign(threads, false);
    for (unsigned i = 0; i < threads; i++) {
      getcontext(&fibers[i]);
      fibers[i].uc_stack.ss_sp = &stacks[i * size_t(65536)];
      fibers[i].uc_stack.ss_size = 65536;
      fibers[i].uc_link = &scheduler;
      makecontext(&fibers[i], body, 0);
    }
    for (bool going = true; going;) {
      going = false;
      for (unsigned i = 0; i < threads; i++) {
        if (!ended[i]) {
          threadIdx.x = i;
          swapcontext(&scheduler, &fibers[i]);
          going = true;
        }
      }
    }
  }
}

// The counterpart of cuLaunchKernel: each argument by its address.
extern "C" int launch(const char* name, unsigned blocks, unsigned threads, void** arguments) {
#define KERNEL(kernel) if (!std::strcmp(name, #kernel)) return run(kernel, blocks, threads, arguments), 0
  KERNEL(crossEntropy);
  KERNEL(normFirst);
  KERNEL(normAgain);
  KERNEL(addNorm);
  KERNEL(normBackward);
  KERNEL(turn);
  KERNEL(copy);
  KERNEL(gated);
  KERNEL(gatedBackward);
  KERNEL(attendNext);
  return 1;
}
