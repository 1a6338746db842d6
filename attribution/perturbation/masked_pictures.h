// SPDX-License-Identifier: Apache-2.0
// Evaluating f on pictures seen through masks.
#pragma once

#include <functional>
#include <vector>

#include "attribution/baseline_set.h"
#include "attribution/run.h"

namespace ingrad {

class MaskedPictures {
 public:
  // Error unless samples are [C, H, W] of at least `cells` points along either axis.
  MaskedPictures(ExplainRun& run, const std::vector<Tensor>& baselines, std::int64_t cells);

  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  std::size_t points() const { return static_cast<std::size_t>(height_ * width_); }

  // f of every sample with pixels m x + (1 - m) x', m the mask [H W] that `mask` writes for draw 0,
  // 1,
  // ... `draws` - 1, the mean over baselines; `take` gets them draw by draw.
  using Mask = std::function<void(std::int64_t sample, std::int64_t draw, std::span<float> mask)>;
  using Take = std::function<void(std::int64_t sample, std::int64_t draw, double value)>;
  void evaluate(std::int64_t draws, const Mask& mask, const Take& take);

  // The values of the cells of a grid as a mask or a map [H W]: those of the nearest cell.
  void from_cells(std::span<const float> cells_squared, std::span<float> to) const;
  Attribution finish(const std::vector<double>& maps);
  void set_standard_error(const std::vector<double>& maps);

 private:
  Shape map_shape() const { return {run_.samples(), 1, height_, width_}; }

  ExplainRun& run_;
  BaselineSet baselines_;
  std::int64_t cells_, height_ = 0, width_ = 0;
};

}  // namespace ingrad
