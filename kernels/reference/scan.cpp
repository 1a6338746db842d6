// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/scan.h"

namespace ingrad::kernels::reference {
namespace {

template <class T, class Sum>
void cumsum(const CumsumArgs& a, Range r) {
  for (std::int64_t line = r.begin; line < r.end; ++line) {
    const std::int64_t base = line / a.inner * a.n * a.inner + line % a.inner;
    Sum sum = 0;
    for (std::int64_t i = 0; i < a.n; ++i) {
      const std::int64_t at = base + (a.reverse ? a.n - 1 - i : i) * a.inner;
      sum += static_cast<Sum>(static_cast<const T*>(a.x)[at]);
      static_cast<T*>(a.y)[at] = static_cast<T>(sum);
    }
  }
}

}  // namespace

void cumsum_f32(const CumsumArgs& a, Range r) { cumsum<float, double>(a, r); }
void cumsum_f64(const CumsumArgs& a, Range r) { cumsum<double, double>(a, r); }
void cumsum_i64(const CumsumArgs& a, Range r) { cumsum<std::int64_t, std::uint64_t>(a, r); }

}  // namespace ingrad::kernels::reference
