// SPDX-License-Identifier: Apache-2.0
#include "attribution/perturbation/masked_pictures.h"

#include <fmt/format.h>

namespace ingrad {

MaskedPictures::MaskedPictures(ExplainRun& run, const std::vector<Tensor>& baselines,
                               std::int64_t cells)
    : run_(run), baselines_(run, baselines), cells_(cells) {
  const Shape row = run.inputs().shape().without(0);
  if (row.rank() != 3 || cells < 1 || cells > row[1] || cells > row[2]) {
    throw Error(
        fmt::format("{}: {} x {} cells in samples {}; expected pictures [C, H, W] of at least "
                    "a point per cell",
                    run.method(), cells, cells, row.str()),
        run.where());
  }
  height_ = row[1];
  width_ = row[2];
}

void MaskedPictures::evaluate(std::int64_t draws, const Mask& mask, const Take& take) {
  const std::int64_t b = baselines_.count();
  std::vector<float> m(points());
  std::vector<double> sums(static_cast<std::size_t>(run_.classes()));
  run_.pool().values(
      run_.items(draws * b),  // variant = draw * baselines + baseline
      [&](const WorkItem& w, std::span<float> row) {
        mask(w.sample, w.variant / b, m);
        const auto x = run_.row(w.sample);
        const auto absent = baselines_.row(w.variant % b, w.sample);
        for (std::size_t i = 0; i < row.size(); ++i) {
          const float visible = m[i % m.size()];
          row[i] = visible * x[i] + (1 - visible) * absent[i];
        }
      },
      [&](const WorkItem& w, double value, std::span<const float>) {
        double& sum = sums[static_cast<std::size_t>(w.sample % run_.classes())];
        sum = w.variant % b == 0 ? value : sum + value;
        if (w.variant % b == b - 1) take(w.sample, w.variant / b, sum / static_cast<double>(b));
      });
}

void MaskedPictures::from_cells(std::span<const float> cells, std::span<float> to) const {
  for (std::int64_t y = 0; y < height_; ++y) {
    for (std::int64_t x = 0; x < width_; ++x) {
      const std::int64_t cell = y * cells_ / height_ * cells_ + x * cells_ / width_;
      to[static_cast<std::size_t>(y * width_ + x)] = cells[static_cast<std::size_t>(cell)];
    }
  }
}

Attribution MaskedPictures::finish(const std::vector<double>& maps) {
  return run_.finish(maps, false, map_shape());
}

void MaskedPictures::set_standard_error(const std::vector<double>& maps) {
  run_.set_standard_error(maps, map_shape());
}

}  // namespace ingrad
