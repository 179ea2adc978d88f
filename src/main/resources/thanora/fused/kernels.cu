// The elementwise parts of a decoder layer, and attention of rows that go on by one token each; behind packs.cu.

constexpr int HELD = 4;  // packs of a row that a thread holds between two passes

// The column of a thread's pack i, in a block that has a row.
__device__ inline int columnOf(int i) {
  return (i * blockDim.x + threadIdx.x) * PACK;
}

// A thread's packs of a row.
__device__ inline void hold(Pack (&held)[HELD], const Element* row, int width) {
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    const int column = columnOf(i);
    held[i] = column < width ? load(row, column, width) : Pack{};
  }
}

__device__ inline float squares(const Pack (&held)[HELD]) {
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

__device__ inline void writeNorm(const Pack (&held)[HELD], float scale, const void* weight, bool wide, Element* y,
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
  Pack held[HELD];
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
  Pack held[HELD];
  hold(held, x + row * xStride, width);
  writeNorm(held, rstd[row], weight, wide, y + row * yStride, width);
}

// sum = a + b, and the norm of sum as it is stored. sum may be a or b.
ROW_KERNEL addNorm(const Element* a, Stride aStride, const Element* b, Stride bStride, const void* weight, int wide,
    float eps, Element* sum, Stride sumStride, Element* y, Stride yStride, float* rstd, int width) {
  const Stride row = blockIdx.x;
  Pack held[HELD];
  Pack more[HELD];
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
  Pack gradient[HELD];
  Pack held[HELD];
  Pack base[HELD];
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
#ifdef F32
  const float gate = 1.0f / (1.0f + expf(-z));
#else
  const float gate = __fdividef(1.0f, 1.0f + __expf(-z));
#endif
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

constexpr int ATTENDING = 256;  // threads of a block; a head is not wider
constexpr float NOTHING = -3e38f;

// Value i of a head, turned with its partner.
__device__ inline float turnedAt(const Element* head, int i, const void* cos, const void* sin, int half, bool wide) {
  const float own = widened(head[i]);
  if (i >= 2 * half) {
    return own;
  }
  const int pair = i < half ? i : i - half;
  const float c = wide ? static_cast<const float*>(cos)[pair] : widened(static_cast<const Element*>(cos)[pair]);
  const float s = wide ? static_cast<const float*>(sin)[pair] : widened(static_cast<const Element*>(sin)[pair]);
  return i < half ? own * c - widened(head[i + half]) * s : own * c + widened(head[pair]) * s;
}

// What some keys come to: softmax's largest score so far, the sum of its terms, and that of the values.
struct Seen {
  float most;
  float total;
  Floats sum;

  __device__ void see(float score, const Floats& value) {
    const float larger = fmaxf(most, score);
    const float before = exponential(most - larger);
    const float weight = exponential(score - larger);
    total = total * before + weight;
#pragma unroll
    for (int j = 0; j < PACK; j++) {
      sum.at[j] = sum.at[j] * before + weight * value.at[j];
    }
    most = larger;
  }
};

// The product of a pack with another one, summed over the lanes of a team.
__device__ inline float teamDot(const Floats& a, const Floats& b, int lanes) {
  float dot = 0;
#pragma unroll
  for (int j = 0; j < PACK; j++) {
    dot += a.at[j] * b.at[j];
  }
  for (int distance = lanes / 2; distance > 0; distance /= 2) {
    dot += __shfl_xor_sync(0xffffffffu, dot, distance);
  }
  return dot;
}

__device__ inline Floats sharedPack(const float* head, int column, int width, float factor) {
  Floats f;
#pragma unroll
  for (int j = 0; j < PACK; j++) {
    f.at[j] = column + j < width ? head[column + j] * factor : 0;
  }
  return f;
}

// One token more in each row, a block for each of its query heads: query and key are turned, the first of the
// heads that share a key puts it and its value into the cache, and the query sees all keys up to its own, or
// those of its window. addresses (layers, 2, rows) are those of each row's keys and values, whose tokens lie
// one after another; positions say how many there are. Lanes in teams of a power of 2 have a pack of a head
// each; teams take keys in turn, and what they have seen is put together at the end.
extern "C" __global__ void __launch_bounds__(ATTENDING) attendNext(const Element* qkv, Stride qkvStride,
    const void* cos, Stride cosStride, const void* sin, Stride sinStride, int half, int wide, const Stride* addresses,
    int layer, int rows, const Stride* positions, int heads, int keyHeads, int headDim, int window, float scale,
    Element* to, Stride toStride) {
  __shared__ float query[ATTENDING];
  __shared__ float newKey[ATTENDING];
  __shared__ float newValue[ATTENDING];
  __shared__ float mosts[ATTENDING];
  __shared__ float totals[ATTENDING];
  __shared__ float sums[ATTENDING * PACK];
  const int row = blockIdx.x / heads;
  const int head = blockIdx.x - row * heads;
  const int group = heads / keyHeads;
  const int keyHead = head / group;
  const Stride position = positions[row];
  const Stride step = static_cast<Stride>(keyHeads) * headDim;
  addresses += static_cast<Stride>(layer) * 2 * rows + row;
  Element* keys = reinterpret_cast<Element*>(addresses[0]) + keyHead * headDim;
  Element* values = reinterpret_cast<Element*>(addresses[rows]) + keyHead * headDim;
  const int i = threadIdx.x;
  if (i < headDim) {
    const Element* own = qkv + row * qkvStride;
    const int bytes = wide ? sizeof(float) : sizeof(Element);
    const void* c = static_cast<const char*>(cos) + row * cosStride * bytes;
    const void* s = static_cast<const char*>(sin) + row * sinStride * bytes;
    query[i] = widened(rounded(turnedAt(own + head * headDim, i, c, s, half, wide)));
    const Element key = rounded(turnedAt(own + (heads + keyHead) * headDim, i, c, s, half, wide));
    const Element value = own[(heads + keyHeads + keyHead) * headDim + i];
    newKey[i] = widened(key);
    newValue[i] = widened(value);
    if (head == keyHead * group) {
      keys[position * step + i] = key;
      values[position * step + i] = value;
    }
  }
  __syncthreads();

  int lanes = 1;
  while (lanes * PACK < headDim) {
    lanes *= 2;
  }
  const int team = i / lanes;
  const int teams = ATTENDING / lanes;
  const int column = (i - team * lanes) * PACK;
  const Floats q = sharedPack(query, column, headDim, scale);
  Seen seen = {NOTHING, 0, {}};
  const float newScore = teamDot(q, sharedPack(newKey, column, headDim, 1), lanes);
  if (team == 0) {
    seen.see(newScore, sharedPack(newValue, column, headDim, 1));
  }
  const Stride from = window > 0 && position >= window ? position + 1 - window : 0;
  for (Stride first = from; first < position; first += teams) {
    const Stride at = first + team;
    Floats key = {};
    Floats value = {};
    if (at < position && column < headDim) {
      key = unpack(load(keys + at * step, column, headDim));
      value = unpack(load(values + at * step, column, headDim));
    }
    const float score = teamDot(q, key, lanes);
    if (at < position) {
      seen.see(score, value);
    }
  }

  mosts[team] = seen.most;
  totals[team] = seen.total;
#pragma unroll
  for (int j = 0; j < PACK; j++) {
    sums[i * PACK + j] = seen.sum.at[j];
  }
  __syncthreads();
  if (i < headDim) {
    float most = NOTHING;
    for (int t = 0; t < teams; t++) {
      most = fmaxf(most, mosts[t]);
    }
    float total = 0;
    float sum = 0;
    for (int t = 0; t < teams; t++) {
      const float weight = exponential(mosts[t] - most);
      total += weight * totals[t];
      sum += weight * sums[t * lanes * PACK + i];
    }
    to[row * toStride + head * headDim + i] = rounded(sum / total);
  }
}
