// What all kernels begin with: elements are bf16, or f16 with -DF16, or f32 with -DF32; arithmetic is
// float32.
//
// A tensor is a pointer and the distance of its rows in elements; columns are contiguous. A thread
// works on packs of 8 columns. A pack is one load or store of 16 bytes, two of f32, so rows begin at
// multiples of 16 bytes and are made of whole packs; with -DUNALIGNED they need not, and elements are read and
// written one by one. Weights and angles are of the elements' type, or float32 (wide).
//
// Compiled at run time without any header; scripts/kernels checks the same text on a CPU.

typedef long long Stride;

#ifdef F32
typedef float Element;
struct Pack {
  float4 low, high;
};
#else
typedef unsigned short Element;
typedef uint4 Pack;
#endif

constexpr int PACK = 8;
constexpr int LARGEST_BLOCK = 512;

#if !defined(EMULATED) && !defined(F32)
// Two elements in 32 bits, the first in the lower half.
__device__ inline void unpack2(unsigned bits, float& first, float& second) {
#ifdef F16
  asm("{.reg .f16 a, b; mov.b32 {a, b}, %2; cvt.f32.f16 %0, a; cvt.f32.f16 %1, b;}"
      : "=f"(first), "=f"(second) : "r"(bits));
#else
  first = __uint_as_float(bits << 16);
  second = __uint_as_float(bits & 0xffff0000u);
#endif
}

__device__ inline unsigned pack2(float first, float second) {
  unsigned bits;
#ifdef F16
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
#else
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
#endif
  return bits;
}
#endif

struct Floats {
  float at[PACK];
};

#ifdef F32
__device__ inline Floats unpack(Pack pack) {
  return {{pack.low.x, pack.low.y, pack.low.z, pack.low.w, pack.high.x, pack.high.y, pack.high.z, pack.high.w}};
}

__device__ inline Pack pack(const Floats& f) {
  return {{f.at[0], f.at[1], f.at[2], f.at[3]}, {f.at[4], f.at[5], f.at[6], f.at[7]}};
}

__device__ inline float widened(Element element) {
  return element;
}

__device__ inline Element rounded(float value) {
  return value;
}

__device__ inline float exponential(float x) {
  return expf(x);
}
#else
__device__ inline Floats unpack(Pack pack) {
  Floats f;
  unpack2(pack.x, f.at[0], f.at[1]);
  unpack2(pack.y, f.at[2], f.at[3]);
  unpack2(pack.z, f.at[4], f.at[5]);
  unpack2(pack.w, f.at[6], f.at[7]);
  return f;
}

__device__ inline Pack pack(const Floats& f) {
  return make_uint4(pack2(f.at[0], f.at[1]), pack2(f.at[2], f.at[3]), pack2(f.at[4], f.at[5]), pack2(f.at[6], f.at[7]));
}

__device__ inline float widened(Element element) {
  float first;
  float second;
  unpack2(element, first, second);
  return first;
}

__device__ inline Element rounded(float value) {
  return static_cast<Element>(pack2(value, 0));
}

__device__ inline float exponential(float x) {
  return __expf(x);
}
#endif

// load: the pack at a column of a row. store: writes it. loadFloats: a pack of a weight or of angles,
// which no kernel writes. What lies behind the row's end is 0 and is not written.
#ifndef UNALIGNED
__device__ inline Pack load(const Element* row, int column, int) {
  return *reinterpret_cast<const Pack*>(row + column);
}

__device__ inline void store(Element* row, int column, int, Pack pack) {
  *reinterpret_cast<Pack*>(row + column) = pack;
}

__device__ inline Floats loadFloats(const void* row, bool wide, int column, int) {
#ifndef F32
  if (!wide) {
    return unpack(__ldg(reinterpret_cast<const Pack*>(static_cast<const Element*>(row) + column)));
  }
#endif
  const float4* from = reinterpret_cast<const float4*>(static_cast<const float*>(row) + column);
  const float4 low = __ldg(from);
  const float4 high = __ldg(from + 1);
  return {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
}
#else
__device__ inline Pack load(const Element* row, int column, int width) {
#ifdef F32
  Floats words;
#pragma unroll
  for (int i = 0; i < PACK; i++) {
    words.at[i] = column + i < width ? row[column + i] : 0;
  }
  return pack(words);
#else
  unsigned words[PACK / 2] = {};
#pragma unroll
  for (int i = 0; i < PACK; i++) {
    words[i / 2] |= (column + i < width ? row[column + i] : 0u) << 16 * (i % 2);
  }
  return make_uint4(words[0], words[1], words[2], words[3]);
#endif
}

__device__ inline void store(Element* row, int column, int width, Pack pack) {
#ifdef F32
  const Floats words = unpack(pack);
#else
  const unsigned words[PACK / 2] = {pack.x, pack.y, pack.z, pack.w};
#endif
#pragma unroll
  for (int i = 0; i < PACK; i++) {
    if (column + i < width) {
#ifdef F32
      row[column + i] = words.at[i];
#else
      row[column + i] = static_cast<Element>(words[i / 2] >> 16 * (i % 2));
#endif
    }
  }
}

__device__ inline Floats loadFloats(const void* row, bool wide, int column, int width) {
  if (!wide) {
    return unpack(load(static_cast<const Element*>(row), column, width));
  }
  Floats f;
#pragma unroll
  for (int i = 0; i < PACK; i++) {
    f.at[i] = column + i < width ? static_cast<const float*>(row)[column + i] : 0;
  }
  return f;
}
#endif

__device__ inline float warpSum(float value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, distance);
  }
  return value;
}

// The sum over the threads of a block, for each of them; once a kernel.
__device__ inline float blockSum(float value) {
  __shared__ float warpSums[LARGEST_BLOCK / 32];
  value = warpSum(value);
  if (blockDim.x == 32) {
    return value;
  }
  const unsigned lane = threadIdx.x % 32;
  if (lane == 0) {
    warpSums[threadIdx.x / 32] = value;
  }
  __syncthreads();
  return warpSum(lane < blockDim.x / 32 ? warpSums[lane] : 0);
}
