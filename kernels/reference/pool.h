// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/pool.h"

namespace ingrad::kernels::reference {

template <class T>
void max_pool(const MaxPoolArgs& a, Range range) {
  const auto& [z, y, x] = a.axis;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const T* plane = static_cast<const T*>(a.x) + u / (z.out * y.out) * z.in * y.in * x.in;
    const PoolWindow wz = window_of(z, u / y.out % z.out), wy = window_of(y, u % y.out);
    for (std::int64_t t = 0; t < x.out; ++t) {
      const PoolWindow wx = window_of(x, t);
      std::int64_t best = -1;
      for (std::int64_t i = wz.begin; i < wz.end; i += wz.step) {
        for (std::int64_t j = wy.begin; j < wy.end; j += wy.step) {
          for (std::int64_t k = wx.begin; k < wx.end; k += wx.step) {
            const std::int64_t here = (i * y.in + j) * x.in + k;
            if (best < 0 || plane[here] > plane[best] || plane[here] != plane[here]) best = here;
          }
        }
      }
      static_cast<T*>(a.values)[u * x.out + t] = plane[best];
      a.indices[u * x.out + t] = best;
    }
  }
}

}  // namespace ingrad::kernels::reference
