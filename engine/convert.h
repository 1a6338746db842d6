// SPDX-License-Identifier: Apache-2.0
// Single elements of any dtype, as double; strided copies; the half-precision formats. For
// creation, printing and readers: hot paths use the elementwise kernels.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/spec.h"
#include "kernels/half.h"

namespace ingrad {

using kernels::from_bf16;
using kernels::from_f16;
using kernels::to_bf16;
using kernels::to_f16;

double load_element(const void* base, DType dtype, std::int64_t index);
void store_element(void* base, DType dtype, std::int64_t index, double value);
void fill(void* base, DType dtype, std::int64_t count, double value);
// Copies elements of one dtype between strided layouts of the same shape.
void copy_strided(const void* from, const Strides& from_strides, void* to,
                  const Strides& to_strides, const Shape& shape, DType dtype);

// Saturates towards integers (NaN gives 0) instead of the undefined behaviour of a plain cast.
template <class T>
T convert_to(double v) {
  if constexpr (std::is_same_v<T, bool>) {
    return v != 0;
  } else if constexpr (std::is_integral_v<T>) {
    if (std::isnan(v)) return 0;
    if (v >= static_cast<double>(std::numeric_limits<T>::max())) {
      return std::numeric_limits<T>::max();
    }
    if (v <= static_cast<double>(std::numeric_limits<T>::min())) {
      return std::numeric_limits<T>::min();
    }
    return static_cast<T>(v);
  } else {
    return static_cast<T>(v);
  }
}

}  // namespace ingrad
