// SPDX-License-Identifier: Apache-2.0
// Elements of any dtype as values of the compute type, and back; the rules are those of
// kernels/elementwise.h.
#pragma once

#include <limits>
#include <type_traits>

#include "kernels/cuda/launch.h"
#include "kernels/half.h"

namespace ingrad::kernels::INGRAD_DEVICE {

// Floats saturate in integers, NaN gives 0; integers wrap.
template <class To, class From>
__device__ inline To convert(From v) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    constexpr To kMost = std::numeric_limits<To>::max(), kLeast = std::numeric_limits<To>::min();
    if (v != v) return 0;
    if (v >= static_cast<From>(kMost)) return kMost;
    if (v <= static_cast<From>(kLeast)) return kLeast;
  }
  return static_cast<To>(v);
}

template <class C>
__device__ inline C load_as(const void* p, DType t, std::int64_t i) {
  switch (t) {
    case DType::f32: return convert<C>(static_cast<const float*>(p)[i]);
    case DType::f64: return convert<C>(static_cast<const double*>(p)[i]);
    case DType::bf16: return convert<C>(from_bf16(static_cast<const std::uint16_t*>(p)[i]));
    case DType::f16: return convert<C>(from_f16(static_cast<const std::uint16_t*>(p)[i]));
    case DType::i32: return convert<C>(static_cast<const std::int32_t*>(p)[i]);
    case DType::i64: return convert<C>(static_cast<const std::int64_t*>(p)[i]);
    case DType::u8: return convert<C>(static_cast<const std::uint8_t*>(p)[i]);
    case DType::boolean:
      return static_cast<C>(static_cast<const std::uint8_t*>(p)[i] != 0 ? 1 : 0);
    default: return C(0);
  }
}

template <class C>
__device__ inline void store_as(C v, void* p, DType t, std::int64_t i) {
  switch (t) {
    case DType::f32: static_cast<float*>(p)[i] = convert<float>(v); break;
    case DType::f64: static_cast<double*>(p)[i] = convert<double>(v); break;
    case DType::bf16: static_cast<std::uint16_t*>(p)[i] = to_bf16(static_cast<float>(v)); break;
    case DType::f16: static_cast<std::uint16_t*>(p)[i] = to_f16(static_cast<float>(v)); break;
    case DType::i32: static_cast<std::int32_t*>(p)[i] = convert<std::int32_t>(v); break;
    case DType::i64: static_cast<std::int64_t*>(p)[i] = convert<std::int64_t>(v); break;
    case DType::u8: static_cast<std::uint8_t*>(p)[i] = convert<std::uint8_t>(v); break;
    case DType::boolean: static_cast<std::uint8_t*>(p)[i] = v != C(0) ? 1 : 0; break;
    default: break;
  }
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
