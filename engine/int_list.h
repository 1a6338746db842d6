// SPDX-License-Identifier: Apache-2.0
// Lists of integers as arguments of public functions.
#pragma once

#include <span>
#include <vector>

#include "engine/shape.h"

namespace ingrad {

// Extents, axes, kernel sizes ... as an argument: braces, vectors, spans and shapes convert. Refers
// to the caller's data: for parameters only.
class IntList {
 public:
  IntList(std::initializer_list<std::int64_t> v) : values_(v.begin(), v.size()) {}  // NOLINT
  IntList(const std::vector<std::int64_t>& v) : values_(v) {}                       // NOLINT
  IntList(std::span<const std::int64_t> v) : values_(v) {}                          // NOLINT
  IntList(const Shape& s) : values_(s.extents()) {}                                 // NOLINT

  std::span<const std::int64_t> values() const { return values_; }
  operator std::span<const std::int64_t>() const { return values_; }  // NOLINT
  std::vector<std::int64_t> vector() const { return {values_.begin(), values_.end()}; }
  std::size_t size() const { return values_.size(); }
  std::int64_t operator[](std::size_t i) const { return values_[i]; }

 private:
  std::span<const std::int64_t> values_;
};

}  // namespace ingrad
