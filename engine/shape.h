// SPDX-License-Identifier: Apache-2.0
// Shape: up to eight extents, stored inline.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "engine/error.h"
#include "kernels/kernel.h"

namespace ingrad {

inline constexpr int kMaxRank = kernels::kMaxRank;

class Shape {
 public:
  Shape() = default;
  // Throws Error when there are more than kMaxRank extents, one is negative, or their product
  // does not fit in 62 bits.
  Shape(std::initializer_list<std::int64_t> extents, Location where = Location::current())
      : Shape(std::span<const std::int64_t>(extents.begin(), extents.size()), where) {}
  explicit Shape(std::span<const std::int64_t> extents, Location where = Location::current());

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  // Number of elements; 1 for rank 0.
  std::int64_t size() const;
  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }
  std::span<const std::int64_t> extents() const { return {begin(), end()}; }

  // The same shape with one extent changed, removed, or inserted before `axis`.
  Shape with(int axis, std::int64_t extent) const;
  Shape without(int axis) const;
  Shape with_inserted(int axis, std::int64_t extent) const;

  bool operator==(const Shape& other) const;
  // "[2, 3, 28, 28]"
  std::string str() const;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

// Maps a possibly negative axis to [0, rank); Error names `op` otherwise.
int normalize_axis(std::string_view op, std::int64_t axis, int rank,
                   Location where = Location::current());
// Normalised, sorted, without duplicates (a duplicate is an Error); an empty list means all axes.
std::array<bool, kMaxRank> normalize_axes(std::string_view op, std::span<const std::int64_t> axes,
                                          int rank, Location where = Location::current());

// The common shape under NumPy's broadcasting rules; Error names `op` and both shapes.
Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b,
                       Location where = Location::current());

// Element strides of a row-major array.
using Strides = std::array<std::int64_t, kMaxRank>;
Strides contiguous_strides(const Shape& shape);

}  // namespace ingrad
