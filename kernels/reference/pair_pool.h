// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/pair_pool.h"

namespace ingrad::kernels::reference {

inline void pair_pool_f32(const PairPoolArgs& a, Range r) {
  const auto* x = static_cast<const float*>(a.x);
  for (std::int64_t p = r.begin; p < r.end; ++p) {
    for (std::int64_t i = 0; i < a.grid[0] * a.grid[1]; ++i) {
      const std::int64_t row = 2 * (i / a.grid[1]), column = 2 * (i % a.grid[1]);
      float best = 0;
      for (int code = 0; code < 4; ++code) {
        const float v = x[(p * a.size[0] + row + code / 2) * a.size[1] + column + code % 2];
        if (code > 0 && !(v > best) && v == v) continue;
        best = v;
        a.codes[p * a.grid[0] * a.grid[1] + i] = static_cast<std::uint8_t>(code);
      }
      static_cast<float*>(a.values)[p * a.grid[0] * a.grid[1] + i] = best;
      if (a.gated && !(best > 0)) a.codes[p * a.grid[0] * a.grid[1] + i] = 4;
    }
  }
}

inline void pair_pool_grad_f32(const PairPoolGradArgs& a, Range r) {
  const auto* dy = static_cast<const float*>(a.dy);
  for (std::int64_t p = r.begin; p < r.end; ++p) {
    float* const dx = static_cast<float*>(a.dx) + p * a.size[0] * a.size[1];
    for (std::int64_t i = 0; i < a.size[0] * a.size[1]; ++i) dx[i] = 0;
    for (std::int64_t i = 0; i < a.grid[0] * a.grid[1]; ++i) {
      const std::int64_t at = p * a.grid[0] * a.grid[1] + i;
      const std::int64_t row = 2 * (i / a.grid[1]) + a.codes[at] / 2;
      const std::int64_t column = 2 * (i % a.grid[1]) + a.codes[at] % 2;
      if (a.codes[at] < 4) dx[row * a.size[1] + column] = dy[at];
    }
  }
}

}  // namespace ingrad::kernels::reference
