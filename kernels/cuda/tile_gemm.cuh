// SPDX-License-Identifier: Apache-2.0
// The inner part of a tiled matrix product: a block of 256 threads computes kRows x kColumns
// outputs, each thread a square of them in registers, from strips of both operands in shared
// memory. Where elements come from is the business of two functors; which are read in the order
// that suits their memory. The sum over k runs in one order whatever the size of the matrices.
#pragma once

#include "kernels/cuda/launch.h"

namespace ingrad::kernels::INGRAD_DEVICE {

// kRows = kColumns = 16 * kSquare outputs.
template <int kSquareSize>
struct GemmTile {
  static constexpr int kSquare = kSquareSize;
  static constexpr int kSide = 16 * kSquare;
  static constexpr int kDepth = 16;
  static constexpr int kPitch = kSide + 4;  // of a strip in shared memory, clear of bank conflicts
  static constexpr int kStrip = kDepth * kPitch;
};

// load_a(row, p) and load_b(p, column) give elements, zero outside the matrices; rows and columns
// count from the tile's. `a_along_k`, `b_along_k`: neighbouring threads read along k rather than
// along the rows of A or columns of B. `strips`: 4 kStrip. Thread (y, x) = (t / 16, t % 16) gets
// sum[i][j] of row y + 16 i and column x + 16 j.
template <class Tile, class T, class LoadA, class LoadB>
__device__ inline void multiply_tile(std::int64_t k, const LoadA& load_a, const LoadB& load_b,
                                     bool a_along_k, bool b_along_k, T* strips,
                                     T (&sum)[Tile::kSquare][Tile::kSquare]) {
  constexpr int kPerThread = Tile::kSide * Tile::kDepth / static_cast<int>(kBlock);
  const int t = static_cast<int>(threadIdx.x), y = t / 16, x = t % 16;
  T next_a[kPerThread], next_b[kPerThread];
  // Element e of a strip of this thread: its place along the side and in depth.
  const auto side_of = [t](int e, bool along_k) {
    const int i = t + e * static_cast<int>(kBlock);
    return along_k ? i / Tile::kDepth : i % Tile::kSide;
  };
  const auto depth_of = [t](int e, bool along_k) {
    const int i = t + e * static_cast<int>(kBlock);
    return along_k ? i % Tile::kDepth : i / Tile::kSide;
  };
  const auto fetch = [&](std::int64_t from) {
INGRAD_UNROLL
    for (int e = 0; e < kPerThread; ++e) {
      const std::int64_t pa = from + depth_of(e, a_along_k), pb = from + depth_of(e, b_along_k);
      next_a[e] = pa < k ? load_a(side_of(e, a_along_k), pa) : T(0);
      next_b[e] = pb < k ? load_b(pb, side_of(e, b_along_k)) : T(0);
    }
  };
  const auto store = [&](T* a, T* b) {
INGRAD_UNROLL
    for (int e = 0; e < kPerThread; ++e) {
      a[depth_of(e, a_along_k) * Tile::kPitch + side_of(e, a_along_k)] = next_a[e];
      b[depth_of(e, b_along_k) * Tile::kPitch + side_of(e, b_along_k)] = next_b[e];
    }
  };
  fetch(0);
  int stage = 0;
  for (std::int64_t from = 0; from < k; from += Tile::kDepth) {
    T* const a = strips + stage * 2 * Tile::kStrip;
    T* const b = a + Tile::kStrip;
    store(a, b);
    __syncthreads();
    if (from + Tile::kDepth < k) fetch(from + Tile::kDepth);
INGRAD_UNROLL
    for (int p = 0; p < Tile::kDepth; ++p) {
      T left[Tile::kSquare], right[Tile::kSquare];
INGRAD_UNROLL
      for (int i = 0; i < Tile::kSquare; ++i) left[i] = a[p * Tile::kPitch + y + 16 * i];
INGRAD_UNROLL
      for (int j = 0; j < Tile::kSquare; ++j) right[j] = b[p * Tile::kPitch + x + 16 * j];
INGRAD_UNROLL
      for (int i = 0; i < Tile::kSquare; ++i) {
INGRAD_UNROLL
        for (int j = 0; j < Tile::kSquare; ++j) sum[i][j] += left[i] * right[j];
      }
    }
    stage ^= 1;  // the other pair of strips: no barrier between reading these and writing those
  }
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
