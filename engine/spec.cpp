// SPDX-License-Identifier: Apache-2.0
#include "engine/spec.h"

#include <fmt/format.h>

#include <charconv>

namespace ingrad {
namespace {

struct Alias {
  std::string_view name;
  DType dtype;
};
constexpr Alias kAliases[] = {
    {"f32", DType::f32},      {"f64", DType::f64},       {"bf16", DType::bf16},
    {"f16", DType::f16},      {"i32", DType::i32},       {"i64", DType::i64},
    {"u8", DType::u8},        {"bool", DType::boolean},  {"mask", DType::mask},
    {"float32", DType::f32},  {"float64", DType::f64},   {"float", DType::f32},
    {"double", DType::f64},   {"bfloat16", DType::bf16}, {"float16", DType::f16},
    {"half", DType::f16},     {"int32", DType::i32},     {"int64", DType::i64},
    {"uint8", DType::u8},     {"boolean", DType::boolean},
};

// Rank among non-floating types, then floating ones; f16 and bf16 are incomparable.
int promotion_rank(DType t) {
  switch (t) {
    case DType::mask:
    case DType::boolean: return 0;
    case DType::u8: return 1;
    case DType::i32: return 2;
    case DType::i64: return 3;
    case DType::f16:
    case DType::bf16: return 4;
    case DType::f32: return 5;
    case DType::f64: return 6;
  }
  return 6;
}

}  // namespace

DType dtype_from_name(std::string_view name, Location where) {
  for (const Alias& a : kAliases) {
    if (a.name == name) return a.dtype;
  }
  throw Error(fmt::format("dtype \"{}\" is unknown; expected f32, f64, bf16, f16, i32, i64, u8, "
                          "bool or mask",
                          name),
              where);
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  const int ra = promotion_rank(a);
  const int rb = promotion_rank(b);
  if (ra == rb) return ra == 4 ? DType::f32 : DType::boolean;
  return ra > rb ? a : b;
}

std::string Device::str() const {
  return kind == Kind::cpu ? "cpu" : fmt::format("cuda:{}", index);
}

Device device_from_name(std::string_view name, Location where) {
  if (name == "cpu") return {};
  if (name == "cuda") return {Device::Kind::cuda, 0};
  if (name.starts_with("cuda:")) {
    int index = -1;
    const char* end = name.data() + name.size();
    const auto [p, ec] = std::from_chars(name.data() + 5, end, index);
    if (ec == std::errc() && p == end && index >= 0) return {Device::Kind::cuda, index};
  }
  throw Error(fmt::format("device \"{}\" is unknown; expected cpu, cuda or cuda:N", name), where);
}

std::int64_t TensorSpec::bytes() const {
  const std::int64_t n = shape.size();
  if (dtype == DType::mask) return (n + 7) / 8;
  return n * static_cast<std::int64_t>(size_of(dtype));
}

std::string TensorSpec::str() const { return fmt::format("{}{}", name_of(dtype), shape.str()); }

}  // namespace ingrad
