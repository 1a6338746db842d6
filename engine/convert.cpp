// SPDX-License-Identifier: Apache-2.0
#include "engine/convert.h"

#include <algorithm>
#include <cstring>

namespace ingrad {

double load_element(const void* base, DType dtype, std::int64_t i) {
  switch (dtype) {
    case DType::f32: return static_cast<double>(static_cast<const float*>(base)[i]);
    case DType::f64: return static_cast<const double*>(base)[i];
    case DType::bf16: return from_bf16(static_cast<const std::uint16_t*>(base)[i]);
    case DType::f16: return from_f16(static_cast<const std::uint16_t*>(base)[i]);
    case DType::i32: return static_cast<const std::int32_t*>(base)[i];
    case DType::i64: return static_cast<double>(static_cast<const std::int64_t*>(base)[i]);
    case DType::u8: return static_cast<const std::uint8_t*>(base)[i];
    case DType::boolean: return static_cast<const std::uint8_t*>(base)[i] != 0 ? 1 : 0;
    case DType::mask: return (static_cast<const std::uint8_t*>(base)[i / 8] >> (i % 8)) & 1;
  }
  return 0;
}

void store_element(void* base, DType dtype, std::int64_t i, double v) {
  switch (dtype) {
    case DType::f32: static_cast<float*>(base)[i] = static_cast<float>(v); break;
    case DType::f64: static_cast<double*>(base)[i] = v; break;
    case DType::bf16: static_cast<std::uint16_t*>(base)[i] = to_bf16(static_cast<float>(v)); break;
    case DType::f16: static_cast<std::uint16_t*>(base)[i] = to_f16(static_cast<float>(v)); break;
    case DType::i32: static_cast<std::int32_t*>(base)[i] = convert_to<std::int32_t>(v); break;
    case DType::i64: static_cast<std::int64_t*>(base)[i] = convert_to<std::int64_t>(v); break;
    case DType::u8: static_cast<std::uint8_t*>(base)[i] = convert_to<std::uint8_t>(v); break;
    case DType::boolean: static_cast<std::uint8_t*>(base)[i] = v != 0 ? 1 : 0; break;
    case DType::mask: {
      auto& byte = static_cast<std::uint8_t*>(base)[i / 8];
      const auto bit = static_cast<std::uint8_t>(1u << (i % 8));
      byte = static_cast<std::uint8_t>(v != 0 ? byte | bit : byte & ~bit);
      break;
    }
  }
}

void fill(void* base, DType dtype, std::int64_t count, double value) {
  if (value == 0 && !std::signbit(value)) {
    std::memset(base, 0, static_cast<std::size_t>(TensorSpec{Shape{count}, dtype, {}}.bytes()));
  } else if (dtype == DType::f32) {
    std::fill_n(static_cast<float*>(base), count, static_cast<float>(value));
  } else if (dtype == DType::f64) {
    std::fill_n(static_cast<double*>(base), count, value);
  } else {
    for (std::int64_t i = 0; i < count; ++i) store_element(base, dtype, i, value);
  }
}

namespace {

template <class T>
void copy_axes(const T* from, const Strides& fs, T* to, const Strides& ts, const Shape& shape,
               int axis) {
  if (axis == shape.rank()) {
    *to = *from;
    return;
  }
  const auto a = static_cast<std::size_t>(axis);
  if (axis == shape.rank() - 1 && fs[a] == 1 && ts[a] == 1) {
    std::copy_n(from, shape[axis], to);
    return;
  }
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    copy_axes(from + i * fs[a], fs, to + i * ts[a], ts, shape, axis + 1);
  }
}

}  // namespace

void copy_strided(const void* from, const Strides& from_strides, void* to,
                  const Strides& to_strides, const Shape& shape, DType dtype) {
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    copy_axes(static_cast<const T*>(from), from_strides, static_cast<T*>(to), to_strides, shape, 0);
  };
  switch (size_of(dtype)) {
    case 1: run(std::uint8_t{}); break;
    case 2: run(std::uint16_t{}); break;
    case 4: run(std::uint32_t{}); break;
    case 8: run(std::uint64_t{}); break;
    default:
      for (std::int64_t i = 0; i < shape.size(); ++i) {
        store_element(to, dtype, i, load_element(from, dtype, i));
      }
  }
}

}  // namespace ingrad
