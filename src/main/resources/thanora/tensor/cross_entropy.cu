// Cross-entropy of logits and its gradient; behind packs.cu.

__device__ inline float blockLargest(float value) {
  __shared__ float ofWarps[LARGEST_BLOCK / 32];
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  if (threadIdx.x % 32 == 0) {
    ofWarps[threadIdx.x / 32] = value;
  }
  __syncthreads();
  for (unsigned warp = 0; warp < blockDim.x / 32; warp++) {
    value = fmaxf(value, ofWarps[warp]);
  }
  return value;
}

// A block has a row of logits: nll = log(sum(exp(logits))) - logits[target]. Where factors are given, its
// gradient, factor * (softmax - onehot), takes the place of the logits, times the slope of a cap before
// it, 1 - (logit / cap)^2, where there is one.
extern "C" __global__ void __launch_bounds__(LARGEST_BLOCK) crossEntropy(Element* logits, Stride stride,
    const Stride* targets, const float* factors, float cap, float* nll, int width) {
  Element* row = logits + blockIdx.x * stride;
  const int target = static_cast<int>(targets[blockIdx.x]);
  float ofTarget = 0;
  float largest = -3.4e38f;
  float sum = 0;  // of exp(logit - largest)
  for (int column = threadIdx.x * PACK; column < width; column += blockDim.x * PACK) {
    const Floats x = unpack(load(row, column, width));
    const float before = largest;
#pragma unroll
    for (int j = 0; j < PACK; j++) {
      largest = fmaxf(largest, x.at[j]);
      ofTarget = column + j == target ? x.at[j] : ofTarget;
    }
    sum *= __expf(before - largest);
#pragma unroll
    for (int j = 0; j < PACK; j++) {
      sum += __expf(x.at[j] - largest);
    }
  }
  const float top = blockLargest(largest);
  const float total = top + logf(blockSum(sum * __expf(largest - top)));
  if (threadIdx.x == target / PACK % blockDim.x) {
    nll[blockIdx.x] = total - ofTarget;
  }
  if (factors == nullptr) {
    return;
  }
  const float factor = factors[blockIdx.x];
  for (int column = threadIdx.x * PACK; column < width; column += blockDim.x * PACK) {
    Floats x = unpack(load(row, column, width));
#pragma unroll
    for (int j = 0; j < PACK; j++) {
      const float slope = cap == 0 ? 1 : 1 - (x.at[j] / cap) * (x.at[j] / cap);
      x.at[j] = factor * slope * (__expf(x.at[j] - total) - (column + j == target ? 1 : 0));
    }
    store(row, column, width, pack(x));
  }
}
