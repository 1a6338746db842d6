// SPDX-License-Identifier: Apache-2.0
// Running sums in double. Lines next to each other advance together, so that the inner loop is over
// contiguous elements and the compiler vectorises it; a single line is one chain of additions.
#include "kernels/cpu/scan.h"

#include <algorithm>

namespace ingrad::kernels::cpu {
namespace {

template <class T, class Sum>
void cumsum(const CumsumArgs& a, Range r) {
  constexpr std::int64_t kStrip = 64;
  Sum sum[kStrip];
  for (std::int64_t line = r.begin; line < r.end;) {
    const std::int64_t o = line / a.inner, k = line % a.inner;
    const std::int64_t width = std::min({kStrip, a.inner - k, r.end - line});
    std::fill_n(sum, width, Sum{0});
    for (std::int64_t i = 0; i < a.n; ++i) {
      const std::int64_t at = (o * a.n + (a.reverse ? a.n - 1 - i : i)) * a.inner + k;
      const T* x = static_cast<const T*>(a.x) + at;
      T* y = static_cast<T*>(a.y) + at;
      for (std::int64_t j = 0; j < width; ++j) {
        sum[j] += static_cast<Sum>(x[j]);
        y[j] = static_cast<T>(sum[j]);
      }
    }
    line += width;
  }
}

}  // namespace

void cumsum_f32(const CumsumArgs& a, Range r) { cumsum<float, double>(a, r); }
void cumsum_f64(const CumsumArgs& a, Range r) { cumsum<double, double>(a, r); }
void cumsum_i64(const CumsumArgs& a, Range r) { cumsum<std::int64_t, std::uint64_t>(a, r); }

}  // namespace ingrad::kernels::cpu
