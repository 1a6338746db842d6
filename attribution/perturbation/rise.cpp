// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "attribution/perturbation/masked_pictures.h"
#include "attribution/perturbation/masks.h"
#include "engine/random.h"

namespace ingrad {
namespace {

constexpr std::uint64_t kMaskStream = 0x72697365;  // "rise"

// Mask by number: a grid of (cells + 1)^2 zeros and ones whose cells are large enough that any
// shift by less than a cell leaves the picture covered.
class RiseMasks {
 public:
  RiseMasks(const RiseOptions& o, std::int64_t height, std::int64_t width)
      : o_(o),
        height_(height),
        width_(width),
        cell_height_((height + o.cells - 1) / o.cells),
        cell_width_((width + o.cells - 1) / o.cells) {}

  void write(std::uint64_t sample, std::int64_t number, std::span<float> to) {
    const auto draw = static_cast<std::uint64_t>(number);
    const std::int64_t n = o_.cells + 1;
    const Tensor visible = random_bernoulli({1, n * n}, {o_.seed, kMaskStream, sample, draw},
                                            o_.probability, DType::f32);
    const RandomKey place{o_.seed, kMaskStream + 1, sample, draw};
    const Tensor u = random_uniform({1, 2}, place, 0, 1, DType::f64);
    const auto shift = [&](int axis, std::int64_t cell) {
      const double at = u.data<double>()[axis] * static_cast<double>(cell);
      return std::min(static_cast<std::int64_t>(at), cell - 1);
    };
    const std::int64_t top = shift(0, cell_height_), left = shift(1, cell_width_);
    const float* const grid = visible.data<float>();
    for (std::int64_t y = 0; y < height_; ++y) {
      const auto [y0, y1, v] = between(y + top, cell_height_);
      for (std::int64_t x = 0; x < width_; ++x) {
        const auto [x0, x1, u0] = between(x + left, cell_width_);
        const float above = grid[y0 * n + x0] + u0 * (grid[y0 * n + x1] - grid[y0 * n + x0]);
        const float below = grid[y1 * n + x0] + u0 * (grid[y1 * n + x1] - grid[y1 * n + x0]);
        to[static_cast<std::size_t>(y * width_ + x)] = above + v * (below - above);
      }
    }
  }

 private:
  struct Between {
    std::int64_t low, high;
    float weight;  // of the high one
  };
  // The grid points around the centre of a pixel of the enlarged mask (align_corners false).
  Between between(std::int64_t pixel, std::int64_t cell) const {
    const double at =
        std::max((static_cast<double>(pixel) + 0.5) / static_cast<double>(cell) - 0.5, 0.0);
    const auto low = static_cast<std::int64_t>(at);
    return {low, std::min(low + 1, o_.cells), static_cast<float>(at - static_cast<double>(low))};
  }

  const RiseOptions& o_;
  std::int64_t height_, width_, cell_height_, cell_width_;
};

}  // namespace

Attribution explain_rise(const ModelFn& model, const Tensor& x, const RiseOptions& o,
                         const ExplainOptions& options, Location where) {
  if (o.masks < 1 || !(o.probability > 0 && o.probability <= 1)) {
    throw Error(
        fmt::format("rise: {} masks, visible with probability {}; expected at least 1 mask and "
                    "a probability in (0, 1]",
                    o.masks, o.probability),
        where);
  }
  ExplainRun run("rise", model, x, options, where);
  MaskedPictures pictures(run, o.baselines, o.cells);
  RiseMasks masks(o, pictures.height(), pictures.width());
  const auto mask = [&](std::int64_t s, std::int64_t draw, std::span<float> to) {
    masks.write(o.shared_masks ? 0 : run.number_of(s), draw, to);
  };
  // Per pixel: sums of M, M f, M^2, M^2 f, M^2 f^2.
  const std::size_t points = pictures.points();
  const std::size_t all = static_cast<std::size_t>(run.samples()) * points;
  std::vector<double> m1(all), m1f(all), m2(all), m2f(all), m2ff(all);
  std::vector<double> mean_f(static_cast<std::size_t>(run.samples()));
  std::vector<float> m(points);
  pictures.evaluate(o.masks, mask, [&](std::int64_t s, std::int64_t draw, double f) {
    mask(s, draw, m);
    mean_f[static_cast<std::size_t>(s)] += f / o.masks;
    const std::size_t at = static_cast<std::size_t>(s) * points;
    for (std::size_t i = 0; i < points; ++i) {
      const double v = static_cast<double>(m[i]);
      m1[at + i] += v;
      m1f[at + i] += v * f;
      m2[at + i] += v * v;
      m2f[at + i] += v * v * f;
      m2ff[at + i] += v * v * f * f;
    }
  });
  const double n = o.masks;
  std::vector<double> values(all), errors(all, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < all; ++i) {
    if (o.by_expectation) {
      values[i] = m1f[i] / (n * o.probability);
      const double spread = std::max(m2ff[i] - m1f[i] * m1f[i] / n, 0.0);
      if (n > 1) errors[i] = std::sqrt(spread / (n - 1) / n) / o.probability;
    } else {
      // A pixel that no mask shows has no mean.
      values[i] = m1[i] > 0 ? m1f[i] / m1[i] : 0;
      const double a = values[i];
      const double spread = std::max(m2ff[i] - 2 * a * m2f[i] + a * a * m2[i], 0.0);
      if (n > 1 && m1[i] > 0) errors[i] = std::sqrt(spread * n / (n - 1)) / m1[i];
    }
  }
  if (o.centred) {
    for (std::size_t i = 0; i < all; ++i) values[i] -= mean_f[i / points];
  }
  pictures.set_standard_error(errors);
  run.result().seed = o.seed;
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), o.masks);
  return pictures.finish(values);
}

}  // namespace ingrad
