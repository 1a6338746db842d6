// SPDX-License-Identifier: Apache-2.0
// What the threads of a block compute together. The order of every sum is fixed by the number of
// threads alone.
#pragma once

#include "kernels/cuda/launch.h"

namespace ingrad::kernels::INGRAD_DEVICE {

inline constexpr unsigned kWarp = 32;

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
// Of floats. Passes over NaN: one instruction, where that would take four.
struct Largest {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return std::fmax(a, b);
  }
};
struct Product {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a * b;
  }
};

// All lanes get the combination of their values. `join` must not care about the order of its two.
template <class T, class Join>
__device__ inline T warp_all(T v, Join join) {
INGRAD_UNROLL
  for (unsigned bits = kWarp / 2; bits > 0; bits /= 2) {
    v = join(v, __shfl_xor_sync(0xffffffffu, v, static_cast<int>(bits)));
  }
  return v;
}

// All threads get the combination of their values; the block is a multiple of kWarp, of at most
// 1024 threads, in x alone. `parts`: 32 in shared memory. Ends with a barrier.
template <class T, class Join>
__device__ inline T block_all(T v, Join join, T* parts) {
  v = warp_all(v, join);
  const unsigned warps = blockDim.x / kWarp;
  if (warps == 1) return v;
  if (threadIdx.x % kWarp == 0) parts[threadIdx.x / kWarp] = v;
  __syncthreads();
  v = parts[0];
  for (unsigned w = 1; w < warps; ++w) v = join(v, parts[w]);
  __syncthreads();
  return v;
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
