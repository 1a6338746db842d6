// SPDX-License-Identifier: Apache-2.0
// Elements as unsigned integers that sort as the elements should: -0 equals 0, every NaN is one key
// above all others.
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/host_device.h"
#include "kernels/kernel.h"

namespace ingrad::kernels {

// Rising order of floats as rising order of integers: flip all bits of negative numbers and the
// sign of the others. kInfinity: the bits of infinity; beyond it, sign aside, is NaN.
template <class U, U kInfinity>
INGRAD_HOST_DEVICE U float_key(U bits) {
  constexpr U kSign = static_cast<U>(U{1} << (sizeof(U) * 8 - 1));
  const U size = static_cast<U>(bits & static_cast<U>(~kSign));
  if (size > kInfinity) return static_cast<U>(~U{0});
  if (size == 0) return kSign;
  return static_cast<U>((bits & kSign) != 0 ? ~bits : bits | kSign);
}

template <DType kType>
struct SortElement;
template <>
struct SortElement<DType::f32> {
  using type = float;
  INGRAD_HOST_DEVICE static std::uint32_t key(float v) {
    return float_key<std::uint32_t, 0x7f800000u>(std::bit_cast<std::uint32_t>(v));
  }
};
template <>
struct SortElement<DType::f64> {
  using type = double;
  INGRAD_HOST_DEVICE static std::uint64_t key(double v) {
    return float_key<std::uint64_t, 0x7ff0000000000000u>(std::bit_cast<std::uint64_t>(v));
  }
};
template <>
struct SortElement<DType::bf16> {
  using type = std::uint16_t;
  INGRAD_HOST_DEVICE static std::uint32_t key(std::uint16_t v) { return float_key<std::uint16_t, 0x7f80u>(v); }
};
template <>
struct SortElement<DType::f16> {
  using type = std::uint16_t;
  INGRAD_HOST_DEVICE static std::uint32_t key(std::uint16_t v) { return float_key<std::uint16_t, 0x7c00u>(v); }
};
template <>
struct SortElement<DType::i32> {
  using type = std::int32_t;
  INGRAD_HOST_DEVICE static std::uint32_t key(std::int32_t v) { return static_cast<std::uint32_t>(v) ^ 0x80000000u; }
};
template <>
struct SortElement<DType::i64> {
  using type = std::int64_t;
  INGRAD_HOST_DEVICE static std::uint64_t key(std::int64_t v) { return static_cast<std::uint64_t>(v) ^ (1ull << 63); }
};
template <>
struct SortElement<DType::u8> {
  using type = std::uint8_t;
  INGRAD_HOST_DEVICE static std::uint32_t key(std::uint8_t v) { return v; }
};
template <>
struct SortElement<DType::boolean> : SortElement<DType::u8> {};

}  // namespace ingrad::kernels
