// SPDX-License-Identifier: Apache-2.0
#include "datasets/idx.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "engine/io/byte_reader.h"
#include "engine/io/gzip.h"

namespace ingrad {
namespace {

struct IdxType {
  unsigned code;
  std::size_t size;
  DType dtype;
};
constexpr IdxType kTypes[] = {{8, 1, DType::u8},   {9, 1, DType::i32},  {11, 2, DType::i32},
                              {12, 4, DType::i32}, {13, 4, DType::f32}, {14, 8, DType::f64}};

void read_elements(ByteReader& in, const IdxType& type, const Tensor& to) {
  constexpr std::string_view kOf = "the elements";
  const std::int64_t n = to.size();
  void* out = to.mutable_raw();
  if (type.code == 8) {
    if (n > 0)
      std::memcpy(out, in.take(static_cast<std::uint64_t>(n), kOf).data(),
                  static_cast<std::size_t>(n));
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    switch (type.code) {
      case 9:
        static_cast<std::int32_t*>(out)[i] = std::bit_cast<std::int8_t>(in.big<std::uint8_t>(kOf));
        break;
      case 11:
        static_cast<std::int32_t*>(out)[i] =
            std::bit_cast<std::int16_t>(in.big<std::uint16_t>(kOf));
        break;
      case 12:
        static_cast<std::int32_t*>(out)[i] =
            std::bit_cast<std::int32_t>(in.big<std::uint32_t>(kOf));
        break;
      case 13:
        static_cast<float*>(out)[i] = std::bit_cast<float>(in.big<std::uint32_t>(kOf));
        break;
      default: static_cast<double*>(out)[i] = std::bit_cast<double>(in.big<std::uint64_t>(kOf));
    }
  }
}

}  // namespace

Tensor parse_idx(std::span<const std::byte> bytes, std::string_view what, Location where) {
  ByteReader in(bytes, what, where);
  const auto zeros = in.big<std::uint16_t>("the header");
  const auto code = in.big<std::uint8_t>("the header");
  const auto rank = in.big<std::uint8_t>("the header");
  const IdxType* type = nullptr;
  for (const IdxType& t : kTypes) {
    if (t.code == code) type = &t;
  }
  if (zeros != 0 || type == nullptr) {
    in.fail(
        fmt::format("no IDX file: begins with {:04x} and type {}, expected 0000 and 8, 9, 11 to 14",
                    zeros, code));
  }
  if (rank < 1 || rank > kMaxRank)
    in.fail(fmt::format("{} axes, expected 1 to {}", rank, kMaxRank));
  std::vector<std::int64_t> extents;
  for (int i = 0; i < rank; ++i) extents.push_back(in.big<std::uint32_t>("the extents"));
  // Extents whose product overflows leave no room for the data either.
  std::uint64_t left = in.remaining() / type->size;
  bool empty = false;
  for (const std::int64_t n : extents) empty = empty || n == 0;
  for (const std::int64_t n : extents) {
    if (!empty) left /= static_cast<std::uint64_t>(n);
  }
  std::string shape;
  for (const std::int64_t n : extents) shape += fmt::format("{}{}", shape.empty() ? "" : " x ", n);
  if (!empty && left == 0) {
    in.fail(fmt::format("{} bytes of data are too few for {} elements of {} bytes", in.remaining(),
                        shape, type->size));
  }
  const Tensor result = Tensor::empty(Shape(extents, where), type->dtype, where);
  read_elements(in, *type, result);
  if (!in.at_end()) {
    in.fail(fmt::format("{} bytes follow the {} elements of {} bytes", in.remaining(), shape,
                        type->size));
  }
  return result;
}

Tensor read_idx(const std::string& path, Location where) {
  return parse_idx(read_maybe_gzip(path, kInflateLimit, where), path, where);
}

}  // namespace ingrad
