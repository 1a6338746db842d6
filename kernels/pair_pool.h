// SPDX-License-Identifier: Apache-2.0
// Max pooling over windows of 2 x 2 that do not overlap, the usual case, with one byte per window
// for the way back. Same values and choices as `max_pool`.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// values[p](y, x) = the largest of x[p](2y + i, 2x + j), i, j in {0, 1}; codes: its 2 i + j, by the
// rules of max_pool; with `gated`, 4 where the largest is not positive. grid = size / 2 along both
// axes, rounded down: a last odd row or column counts for nothing.
struct PairPoolArgs {
  const void* x = nullptr;        // [planes][size]
  void* values = nullptr;         // [planes][grid]
  std::uint8_t* codes = nullptr;  // [planes][grid]
  std::int64_t planes = 0;
  std::array<std::int64_t, 2> size{}, grid{};
  bool gated = false;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(values);
    f(codes);
  }
};

// dx[p](2y + i, 2x + j) = dy[p](y, x) where 2 i + j is the code, zero elsewhere: with codes of
// pooling that was gated, the gradient of max pooling after ReLU.
struct PairPoolGradArgs {
  const std::uint8_t* codes = nullptr;
  const void* dy = nullptr;
  void* dx = nullptr;
  std::int64_t planes = 0;
  std::array<std::int64_t, 2> size{}, grid{};

  template <class F>
  void for_each_operand(F&& f) {
    f(codes);
    f(dy);
    f(dx);
  }
};

// dtype f32, back ends reference and cpu.
extern const Family<PairPoolArgs> pair_pool;
extern const Family<PairPoolGradArgs> pair_pool_grad;

}  // namespace ingrad::kernels
