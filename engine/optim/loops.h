// SPDX-License-Identifier: Apache-2.0
// Loops over the elements of a parameter: on threads, vectorised by the compiler. Elements are
// independent, so the split into ranges changes no bit.
#pragma once

#include <cstdint>

#include "engine/parallel.h"

namespace ingrad::optim {

// body(i) for i in [0, count); `cost` is about the number of operations of one element.
template <class Body>
void for_elements(std::int64_t count, std::int64_t cost, const Body& body) {
  parallel_ranges(
      count, count * cost, 0,
      [](const void* context, kernels::Range range) {
        const Body each = *static_cast<const Body*>(context);
#ifdef __GNUC__
#pragma GCC ivdep
#endif
        for (std::int64_t i = range.begin; i < range.end; ++i) each(i);
      },
      &body);
}

// f(T{}) with the C++ type of the dtype, f32 or f64.
template <class F>
void with_float_type(DType dtype, const F& f) {
  if (dtype == DType::f64) {
    f(double{});
  } else {
    f(float{});
  }
}

// a moved by the fraction w towards b, by the formula that is exact at both ends.
template <class T>
T lerp(T a, T b, T w) {
  return w < T(0.5) ? a + w * (b - a) : b - (b - a) * (T(1) - w);
}

}  // namespace ingrad::optim
