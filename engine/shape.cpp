// SPDX-License-Identifier: Apache-2.0
#include "engine/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ingrad {

Shape::Shape(std::span<const std::int64_t> extents, Location where) {
  if (extents.size() > kMaxRank) {
    throw Error(fmt::format("shape: {} axes, at most {} are supported", extents.size(), kMaxRank),
                where);
  }
  std::int64_t product = 1;
  for (const std::int64_t e : extents) {
    if (e < 0) throw Error(fmt::format("shape: extent {} is negative", e), where);
    // Zero extents do not excuse an overflow among the others: strides are computed from them.
    if (e > 1 && product > (std::int64_t{1} << 62) / e) {
      throw Error(fmt::format("shape: [{}] has more than 2^62 elements", fmt::join(extents, ", ")),
                  where);
    }
    product *= std::max<std::int64_t>(e, 1);
    extents_[static_cast<std::size_t>(rank_++)] = e;
  }
}

std::int64_t Shape::size() const {
  std::int64_t n = 1;
  for (const std::int64_t e : *this) n *= e;
  return n;
}

Shape Shape::with(int axis, std::int64_t extent) const {
  Shape s = *this;
  s.extents_[static_cast<std::size_t>(axis)] = extent;
  return s;
}

Shape Shape::without(int axis) const {
  Shape s = *this;
  std::copy(begin() + axis + 1, end(), s.extents_.begin() + axis);
  s.extents_[static_cast<std::size_t>(--s.rank_)] = 0;
  return s;
}

Shape Shape::with_inserted(int axis, std::int64_t extent) const {
  std::array<std::int64_t, kMaxRank + 1> e{};
  std::copy(begin(), begin() + axis, e.begin());
  e[static_cast<std::size_t>(axis)] = extent;
  std::copy(begin() + axis, end(), e.begin() + axis + 1);
  return Shape(std::span<const std::int64_t>(e.data(), static_cast<std::size_t>(rank_) + 1));
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
}

std::string Shape::str() const { return fmt::format("[{}]", fmt::join(extents(), ", ")); }

int normalize_axis(std::string_view op, std::int64_t axis, int rank, Location where) {
  if (axis < -rank || axis >= rank) {
    throw Error(fmt::format("{}: axis {} is out of range for rank {}", op, axis, rank), where);
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::array<bool, kMaxRank> normalize_axes(std::string_view op, std::span<const std::int64_t> axes,
                                          int rank, Location where) {
  std::array<bool, kMaxRank> chosen{};
  if (axes.empty()) std::fill_n(chosen.begin(), rank, true);
  for (const std::int64_t a : axes) {
    const auto i = static_cast<std::size_t>(normalize_axis(op, a, rank, where));
    if (chosen[i]) throw Error(fmt::format("{}: axis {} is given twice", op, a), where);
    chosen[i] = true;
  }
  return chosen;
}

Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b, Location where) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, kMaxRank> e{};
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank());
    const int ib = i - (rank - b.rank());
    const std::int64_t ea = ia < 0 ? 1 : a[ia];
    const std::int64_t eb = ib < 0 ? 1 : b[ib];
    if (ea != eb && ea != 1 && eb != 1) {
      throw Error(fmt::format("{}: shapes {} and {} do not broadcast (axis {}: {} and {})", op,
                              a.str(), b.str(), i - rank, ea, eb),
                  where);
    }
    e[static_cast<std::size_t>(i)] = ea == 1 ? eb : ea;
  }
  return Shape(std::span<const std::int64_t>(e.data(), static_cast<std::size_t>(rank)), where);
}

Strides contiguous_strides(const Shape& shape) {
  Strides s{};
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    s[static_cast<std::size_t>(i)] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  return s;
}

}  // namespace ingrad
