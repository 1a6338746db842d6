// SPDX-License-Identifier: Apache-2.0
// Element types, devices, and the specification of a tensor: all that shape rules work on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/shape.h"
#include "kernels/kernel.h"

namespace ingrad {

using DType = kernels::DType;
using kernels::name_of;
using kernels::size_of;

constexpr bool is_floating(DType t) {
  return t == DType::f32 || t == DType::f64 || t == DType::bf16 || t == DType::f16;
}
constexpr bool is_integer(DType t) {
  return t == DType::i32 || t == DType::i64 || t == DType::u8;
}
// "f32", "float32", "bf16", "bool", ...; Error lists the known names.
DType dtype_from_name(std::string_view name, Location where = Location::current());
// The type that holds both: boolean < u8 < i32 < i64 < f16, bf16 < f32 < f64; f16 with bf16 gives
// f32.
DType promote(DType a, DType b);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() { return DType::f32; }
template <>
constexpr DType dtype_of<double>() { return DType::f64; }
template <>
constexpr DType dtype_of<std::int32_t>() { return DType::i32; }
template <>
constexpr DType dtype_of<std::int64_t>() { return DType::i64; }
template <>
constexpr DType dtype_of<std::uint8_t>() { return DType::u8; }
template <>
constexpr DType dtype_of<bool>() { return DType::boolean; }

struct Device {
  enum class Kind : std::uint8_t { cpu, cuda };
  Kind kind = Kind::cpu;
  int index = 0;

  bool operator==(const Device&) const = default;
  std::string str() const;  // "cpu", "cuda:0"
};
// "cpu", "cuda", "cuda:1"; Error otherwise.
Device device_from_name(std::string_view name, Location where = Location::current());

struct TensorSpec {
  Shape shape;
  DType dtype = DType::f32;
  Device device;

  bool operator==(const TensorSpec&) const = default;
  // Bytes of a contiguous tensor (masks: one bit per element, rounded up).
  std::int64_t bytes() const;
  std::string str() const;  // "f32[2, 3]"
};

}  // namespace ingrad
