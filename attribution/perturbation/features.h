// SPDX-License-Identifier: Apache-2.0
// Which elements of a sample are one feature: perturbed together, and given the same value.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor.h"

namespace ingrad {

class Features {
 public:
  // Every element of a sample of this shape on its own.
  static Features elements(const Shape& row);
  // Cells of so many points of pictures [C, H, W], all channels together; cells at the far edges
  // may be smaller. Error unless 1 <= height <= H and 1 <= width <= W.
  static Features grid(const Shape& row, std::int64_t height, std::int64_t width,
                       Location where = Location::current());
  // By number: elements with the same one are a feature. i32 or i64, for all samples (broadcast to
  // `row`, so that [1, H, W] stands for all channels) or [N, ...], broadcast to [N, row...].
  // Numbers need not be consecutive; features are ordered by them. Error when they do not
  // broadcast.
  static Features from_ids(const Tensor& ids, const Shape& row,
                           Location where = Location::current());

  // Of a sample; of all samples where they do not differ.
  std::int64_t count(std::int64_t sample) const { return of(sample).count; }
  std::int64_t largest_count() const;
  // The feature of every element, below count().
  std::span<const std::int32_t> ids(std::int64_t sample) const { return of(sample).ids; }
  // Is there one assignment for any number of samples?
  bool same_for_all() const { return maps_.size() == 1; }
  std::int64_t samples() const { return static_cast<std::int64_t>(maps_.size()); }
  std::int64_t row_size() const { return static_cast<std::int64_t>(maps_[0].ids.size()); }

 private:
  struct Map {
    std::vector<std::int32_t> ids;
    std::int64_t count = 0;
  };
  explicit Features(std::vector<Map> maps) : maps_(std::move(maps)) {}
  const Map& of(std::int64_t sample) const {
    return maps_[same_for_all() ? 0 : static_cast<std::size_t>(sample)];
  }

  std::vector<Map> maps_;
};

}  // namespace ingrad
