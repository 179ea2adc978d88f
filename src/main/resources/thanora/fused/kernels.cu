// The elementwise parts of a decoder layer; behind packs.cu.

constexpr int HELD = 4;  // packs of a row that a thread holds between two passes

// The column of a thread's pack i, in a block that has a row.
__device__ inline int columnOf(int i) {
  return (i * blockDim.x + threadIdx.x) * PACK;
}

// A thread's packs of a row.
__device__ inline void hold(uint4 (&held)[HELD], const Element* row, int width) {
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    const int column = columnOf(i);
    held[i] = column < width ? load(row, column, width) : make_uint4(0, 0, 0, 0);
  }
}

__device__ inline float squares(const uint4 (&held)[HELD]) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    const Floats x = unpack(held[i]);
#pragma unroll
    for (int j = 0; j < PACK; j++) {
      sum += x.at[j] * x.at[j];
    }
  }
  return sum;
}

__device__ inline void writeNorm(const uint4 (&held)[HELD], float scale, const void* weight, bool wide, Element* y,
    int width) {
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    const int column = columnOf(i);
    if (column < width) {
      Floats x = unpack(held[i]);
      const Floats w = loadFloats(weight, wide, column, width);
#pragma unroll
      for (int j = 0; j < PACK; j++) {
        x.at[j] = x.at[j] * scale * w.at[j];
      }
      store(y, column, width, pack(x));
    }
  }
}

// The four kernels of the norm: one block a row, which stays in registers between two passes.
#define ROW_KERNEL extern "C" __global__ void __launch_bounds__(LARGEST_BLOCK)

// rstd = 1/sqrt(mean(x^2) + eps), y = x * rstd * weight.
ROW_KERNEL normFirst(const Element* x, Stride xStride, const void* weight, int wide, float eps, Element* y,
    Stride yStride, float* rstd, int width) {
  const Stride row = blockIdx.x;
  uint4 held[HELD];
  hold(held, x + row * xStride, width);
  const float scale = rsqrtf(blockSum(squares(held)) / width + eps);
  if (threadIdx.x == 0) {
    rstd[row] = scale;
  }
  writeNorm(held, scale, weight, wide, y + row * yStride, width);
}

// y once more, from a known rstd.
ROW_KERNEL normAgain(const Element* x, Stride xStride, const void* weight, int wide, const float* rstd, Element* y,
    Stride yStride, int width) {
  const Stride row = blockIdx.x;
  uint4 held[HELD];
  hold(held, x + row * xStride, width);
  writeNorm(held, rstd[row], weight, wide, y + row * yStride, width);
}

// sum = a + b, and the norm of sum as it is stored. sum may be a or b.
ROW_KERNEL addNorm(const Element* a, Stride aStride, const Element* b, Stride bStride, const void* weight, int wide,
    float eps, Element* sum, Stride sumStride, Element* y, Stride yStride, float* rstd, int width) {
  const Stride row = blockIdx.x;
  uint4 held[HELD];
  uint4 more[HELD];
  hold(held, a + row * aStride, width);
  hold(more, b + row * bStride, width);
  sum += row * sumStride;
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    Floats x = unpack(held[i]);
    const Floats added = unpack(more[i]);
#pragma unroll
    for (int j = 0; j < PACK; j++) {
      x.at[j] += added.at[j];
    }
    held[i] = pack(x);
    const int column = columnOf(i);
    if (column < width) {
      store(sum, column, width, held[i]);
    }
  }
  const float scale = rsqrtf(blockSum(squares(held)) / width + eps);
  if (threadIdx.x == 0) {
    rstd[row] = scale;
  }
  writeNorm(held, scale, weight, wide, y + row * yStride, width);
}

// dx = residual + rstd * (w dy - xhat * mean(xhat w dy)), xhat = x * rstd. dx may be residual or dy.
ROW_KERNEL normBackward(const Element* dy, Stride dyStride, const Element* x, Stride xStride, const void* weight,
    int wide, const float* rstd, const Element* residual, Stride residualStride, Element* dx, Stride dxStride,
    int width) {
  const Stride row = blockIdx.x;
  uint4 gradient[HELD];
  uint4 held[HELD];
  uint4 base[HELD];
  hold(gradient, dy + row * dyStride, width);
  hold(held, x + row * xStride, width);
  hold(base, residual + row * residualStride, width);
  const float scale = rstd[row];
  dx += row * dxStride;
  float products = 0;
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    const int column = columnOf(i);
    if (column < width) {
      const Floats g = unpack(gradient[i]);
      const Floats h = unpack(held[i]);
      const Floats w = loadFloats(weight, wide, column, width);
#pragma unroll
      for (int j = 0; j < PACK; j++) {
        products += g.at[j] * w.at[j] * h.at[j];
      }
    }
  }
  const float along = blockSum(products) / width * scale * scale * scale;
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    const int column = columnOf(i);
    if (column < width) {
      const Floats g = unpack(gradient[i]);
      const Floats h = unpack(held[i]);
      const Floats w = loadFloats(weight, wide, column, width);
      Floats d = unpack(base[i]);
#pragma unroll
      for (int j = 0; j < PACK; j++) {
        d.at[j] += scale * g.at[j] * w.at[j] - along * h.at[j];
      }
      store(dx, column, width, pack(d));
    }
  }
}

// Turns the pairs (i, i + half) of each head by their angles, back with sign -1; the rest of a head is
// copied where it is not turned in place. A thread has a pack of pairs, or of the rest.
extern "C" __global__ void turn(const Element* x, Stride xStride, int rows, int heads, int headDim, const void* cos,
    Stride cosStride, const void* sin, Stride sinStride, int half, int wide, float sign, Element* to, Stride toStride) {
  const int rest = x == to ? 0 : headDim - 2 * half;
  const unsigned pairPacks = (half + PACK - 1) / PACK;
  const unsigned packs = pairPacks + (rest + PACK - 1) / PACK;
  const unsigned index = blockIdx.x * blockDim.x + threadIdx.x;
  const unsigned head = index / packs;
  const unsigned row = head / heads;
  if (row >= rows) {
    return;
  }
  const unsigned pack0 = index - head * packs;
  const int start = (head - row * heads) * headDim;
  x += row * xStride + start;
  to += row * toStride + start;
  if (pack0 >= pairPacks) {
    const int column = (pack0 - pairPacks) * PACK;
    store(to + 2 * half, column, rest, load(x + 2 * half, column, rest));
    return;
  }
  const int column = pack0 * PACK;
  const int bytes = wide ? sizeof(float) : sizeof(Element);
  const Floats first = unpack(load(x, column, half));
  const Floats second = unpack(load(x + half, column, half));
  const Floats c = loadFloats(static_cast<const char*>(cos) + row * cosStride * bytes, wide, column, half);
  const Floats s = loadFloats(static_cast<const char*>(sin) + row * sinStride * bytes, wide, column, half);
  Floats turnedFirst;
  Floats turnedSecond;
#pragma unroll
  for (int j = 0; j < PACK; j++) {
    turnedFirst.at[j] = first.at[j] * c.at[j] - second.at[j] * (sign * s.at[j]);
    turnedSecond.at[j] = second.at[j] * c.at[j] + first.at[j] * (sign * s.at[j]);
  }
  store(to, column, half, pack(turnedFirst));
  store(to + half, column, half, pack(turnedSecond));
}

// activation(x) = x * gate(x), and its derivative. gelu's 0.5 (1 + tanh(u)) is the sigmoid of 2u.
__device__ inline void activate(bool gelu, float x, float& value, float& slope) {
  const float bent = 2 * 0.7978845608028654f;  // 2 sqrt(2 / pi)
  const float cubic = 0.044715f;
  const float z = gelu ? bent * x * (1 + cubic * x * x) : x;
  const float dz = gelu ? bent * (1 + 3 * cubic * x * x) : 1;
  const float gate = __fdividef(1.0f, 1.0f + __expf(-z));
  value = x * gate;
  slope = gate + value * (1 - gate) * dz;
}

// The row of a block and the first column of a thread, where a row is cut into chunks of a block each.
struct Place {
  Stride row;
  int column;
};

__device__ inline Place placeOf(int width) {
  const unsigned chunks = (width + blockDim.x * PACK - 1) / (blockDim.x * PACK);
  const unsigned row = blockIdx.x / chunks;
  const unsigned chunk = blockIdx.x - row * chunks;
  return {static_cast<Stride>(row), static_cast<int>((chunk * blockDim.x + threadIdx.x) * PACK)};
}

// to = x.
extern "C" __global__ void copy(const Element* x, Stride xStride, Element* to, Stride toStride, int width) {
  const Place place = placeOf(width);
  if (place.column < width) {
    store(to + place.row * toStride, place.column, width, load(x + place.row * xStride, place.column, width));
  }
}

// y = activation(gate) * up. y may be gate or up.
extern "C" __global__ void gated(int gelu, const Element* gate, Stride gateStride, const Element* up, Stride upStride,
    Element* y, Stride yStride, int width) {
  const Place place = placeOf(width);
  if (place.column >= width) {
    return;
  }
  const Floats g = unpack(load(gate + place.row * gateStride, place.column, width));
  Floats u = unpack(load(up + place.row * upStride, place.column, width));
#pragma unroll
  for (int j = 0; j < PACK; j++) {
    float value;
    float slope;
    activate(gelu, g.at[j], value, slope);
    u.at[j] *= value;
  }
  store(y + place.row * yStride, place.column, width, pack(u));
}

// dgate and dup from dy, and y once more where it is given. dgate may be gate, dup may be up, y may be dy.
extern "C" __global__ void gatedBackward(int gelu, const Element* gate, Stride gateStride, const Element* up,
    Stride upStride, const Element* dy, Stride dyStride, Element* dgate, Stride dgateStride, Element* dup,
    Stride dupStride, Element* y, Stride yStride, int width) {
  const Place place = placeOf(width);
  if (place.column >= width) {
    return;
  }
  Floats g = unpack(load(gate + place.row * gateStride, place.column, width));
  Floats u = unpack(load(up + place.row * upStride, place.column, width));
  Floats d = unpack(load(dy + place.row * dyStride, place.column, width));
#pragma unroll
  for (int j = 0; j < PACK; j++) {
    float value;
    float slope;
    activate(gelu, g.at[j], value, slope);
    g.at[j] = d.at[j] * u.at[j] * slope;
    u.at[j] *= value;
    d.at[j] *= value;
  }
  store(dgate + place.row * dgateStride, place.column, width, pack(g));
  store(dup + place.row * dupStride, place.column, width, pack(d));
  if (y != nullptr) {
    store(y + place.row * yStride, place.column, width, pack(u));
  }
}
