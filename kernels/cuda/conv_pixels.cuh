// SPDX-License-Identifier: Apache-2.0
// Where the grid points of a convolution lie in its arrays, and what a sum becomes on its way out.
#pragma once

#include "kernels/conv.h"
#include "kernels/cuda/launch.h"

namespace ingrad::kernels::INGRAD_DEVICE {

template <class Args>
__device__ __host__ inline std::int64_t points(const Args& a) {
  return a.grid[0] * a.grid[1] * a.grid[2];
}

// A grid point of an image: p counts the points of all images.
struct Pixel {
  std::int64_t image, t[3];

  template <class Args>
  __device__ static Pixel of(const Args& a, std::int64_t p) {
    // 32-bit divisions wherever they suffice.
    const std::int64_t per_image = points(a);
    Pixel x;
    x.image = p / per_image;
    const auto rest = static_cast<std::uint32_t>(p - x.image * per_image);
    const auto width = static_cast<std::uint32_t>(a.grid[2]);
    const auto height = static_cast<std::uint32_t>(a.grid[1]);
    x.t[2] = rest % width;
    x.t[1] = rest / width % height;
    x.t[0] = rest / width / height;
    return x;
  }

  // Offset within a channel of the source under a tap; -1 outside.
  template <class Args>
  __device__ std::int64_t source(const Args& a, std::int64_t tap) const {
    std::int64_t at = 0;
    INGRAD_UNROLL
    for (int axis = 0; axis < 3; ++axis) {
      const std::int64_t x = t[axis] * a.step[axis] + a.tap_offset[tap * 3 + axis];
      if (x < 0 || x >= a.size[axis]) return -1;
      at = at * a.size[axis] + x;
    }
    return at;
  }

  template <class Args>
  __device__ std::int64_t out(const Args& a) const {
    return image * a.out_batch + a.out_base + t[0] * a.out_step[0] + t[1] * a.out_step[1] +
           t[2] * a.out_step[2];
  }
};

// The result at `at` of channel `channel` of all.
template <class T>
__device__ inline T finished(const ConvArgs& c, T sum, std::int64_t channel, std::int64_t at) {
  if (c.bias != nullptr) sum += static_cast<const T*>(c.bias)[channel];
  if (c.residual != nullptr) sum += static_cast<const T*>(c.residual)[at];
  if (c.activation == Activation::relu && sum < T(0)) sum = T(0);
  if (c.gate != nullptr && (c.gate[at / 8] >> (at % 8) & 1) == 0) sum = T(0);
  return sum;
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
