// SPDX-License-Identifier: Apache-2.0
#include "attribution/paths/xrai.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "attribution/explain.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/shape.h"

namespace ingrad {
namespace {

constexpr double kSide = 224;  // of the pictures that the defaults are for

// The settings for a picture's size.
struct Sizes {
  double area, sigma;
  int min_size, dilation, min_new_points;

  Sizes(const XraiOptions& o, const Shape& row) {
    area = o.scale_to_picture ? static_cast<double>(row[1] * row[2]) / (kSide * kSide) : 1;
    const double side = std::sqrt(area);
    const auto count = [&](int n) {
      return std::max(static_cast<int>(std::lround(n * area)), std::min(n, 1));
    };
    sigma = o.sigma * side;
    min_size = count(o.min_size);
    dilation = static_cast<int>(std::lround(o.dilation * side));
    min_new_points = count(o.min_new_points);
  }
};

void check(const XraiOptions& o, Location where) {
  const bool in_range = o.sigma >= 0 && std::isfinite(o.sigma) && o.min_size >= 0 &&
                        o.dilation >= 0 && o.min_new_points >= 0 &&
                        std::ranges::all_of(o.scales, [](double s) { return s >= 0; });
  if (in_range && (o.segments.defined() || !o.scales.empty())) return;
  throw Error(fmt::format("xrai: {} scales, sigma {}, segments of {} points, dilation {}, {} new "
                          "points; expected a scale or given segments, and numbers from 0",
                          o.scales.size(), o.sigma, o.min_size, o.dilation, o.min_new_points),
              where);
}

std::vector<Segment> own_segments(const float* picture, const Shape& row, const XraiOptions& o,
                                  const Sizes& sizes) {
  const auto width = static_cast<std::size_t>(row.size());
  const auto [low, high] = std::minmax_element(picture, picture + width);
  const double least = static_cast<double>(*low), range = static_cast<double>(*high) - least;
  std::vector<double> scaled(width);
  for (std::size_t i = 0; i < width; ++i) {
    scaled[i] = range > 0 ? (static_cast<double>(picture[i]) - least) / range * 2 - 1 : 0;
  }
  std::vector<Segment> all;
  for (const double scale : o.scales) {
    const FelzenszwalbOptions options{scale * sizes.area, sizes.sigma, sizes.min_size};
    for (const Segment& s : segments_of(felzenszwalb(scaled, row, options))) {
      all.push_back(dilated(s, row[1], row[2], sizes.dilation));
    }
  }
  return all;
}

// Of a sample: [S, H, W] of masks as segments.
std::vector<Segment> given_segments(const float* masks, std::int64_t count, std::int64_t points) {
  std::vector<Segment> all(static_cast<std::size_t>(count));
  for (Segment& s : all) {
    for (std::int64_t i = 0; i < points; ++i) {
      if (masks[i] != 0) s.push_back(static_cast<std::int32_t>(i));
    }
    masks += points;
  }
  return all;
}

// The masks as numbers, [1 or N, S, H, W].
Tensor checked_masks(const Tensor& given, const Shape& inputs, Location where) {
  const bool is_each = given.rank() == 4;
  const bool fits = (is_each || given.rank() == 3) && given.dim(-1) == inputs[3] &&
                    given.dim(-2) == inputs[2] && (!is_each || given.dim(0) == inputs[0]);
  if (!fits || given.size() == 0) {
    throw Error(fmt::format("xrai: segments {} for samples {}; expected [S, H, W] or [N, S, H, W]",
                            given.shape().str(), inputs.str()),
                where);
  }
  const Tensor numbers = contiguous(cast(given.detach().to({}), DType::f32));
  return is_each ? numbers : reshape(numbers, given.shape().with_inserted(0, 1));
}

Tensor extremes(const Tensor& x, bool largest) {
  const std::int64_t n = x.dim(0), width = x.size() / n;
  const Tensor rows = Tensor::empty(x.shape(), DType::f32);
  for (std::int64_t s = 0; s < n; ++s) {
    const float* const from = x.data<float>() + s * width;
    const float v =
        largest ? *std::max_element(from, from + width) : *std::min_element(from, from + width);
    std::fill_n(rows.mutable_data<float>() + s * width, width, v);
  }
  return rows;
}

}  // namespace

std::vector<double> rank_segments(std::span<const double> map, const std::vector<Segment>& segments,
                                  int min_new_points) {
  // Of every segment what is left of it, kept up to date by the segments of each point.
  struct Left {
    std::size_t points = 0;
    double sum = 0;
  };
  std::vector<Left> left(segments.size());
  std::vector<std::vector<std::int32_t>> segments_at(map.size());
  for (std::size_t s = 0; s < segments.size(); ++s) {
    for (const std::int32_t point : segments[s]) {
      const auto i = static_cast<std::size_t>(point);
      segments_at[i].push_back(static_cast<std::int32_t>(s));
      ++left[s].points;
      left[s].sum += map[i];
    }
  }
  std::vector<double> values(map.size(), std::numeric_limits<double>::quiet_NaN());
  const auto least = static_cast<std::size_t>(std::max(min_new_points, 1));
  const auto mean = [&](const Left& l) {
    return l.points < least ? -std::numeric_limits<double>::infinity()
                            : l.sum / static_cast<double>(l.points);
  };
  const auto cover = [&](std::span<const std::int32_t> points, std::vector<std::int32_t>& fresh) {
    for (const std::int32_t point : points) {
      const auto i = static_cast<std::size_t>(point);
      if (std::isnan(values[i])) fresh.push_back(point);
    }
    // Summed anew: the mean is not that of many subtractions.
    double sum = 0;
    for (const std::int32_t point : fresh) sum += map[static_cast<std::size_t>(point)];
    for (const std::int32_t point : fresh) {
      const auto i = static_cast<std::size_t>(point);
      values[i] = sum / static_cast<double>(fresh.size());
      for (const std::int32_t s : segments_at[i]) {
        Left& l = left[static_cast<std::size_t>(s)];
        --l.points;
        l.sum -= map[i];
      }
    }
  };
  std::vector<std::int32_t> fresh;
  for (;;) {
    const auto best = std::ranges::max_element(
        left, [&](const Left& a, const Left& b) { return mean(a) < mean(b); });
    if (best == left.end() || best->points < least) break;
    fresh.clear();
    cover(segments[static_cast<std::size_t>(best - left.begin())], fresh);
  }
  Segment all(map.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int32_t>(i);
  fresh.clear();
  cover(all, fresh);
  return values;
}

Attribution explain_xrai(const ModelFn& model, const Tensor& x, const XraiOptions& o,
                         const ExplainOptions& options, Location where) {
  check(o, where);
  if (!x.defined() || x.rank() != 4) {
    throw Error(fmt::format("xrai: inputs {}; expected pictures [N, C, H, W]",
                            x.defined() ? x.spec().str() : "undefined"),
                where);
  }
  const Shape inputs = x.shape(), row = inputs.without(0);
  const Tensor masks = o.segments.defined() ? checked_masks(o.segments, inputs, where) : Tensor();
  const Tensor pictures = contiguous(cast(x.detach().to({}), DType::f32));
  IntegratedGradientsOptions ig{.rule = o.rule, .steps = o.steps, .baselines = o.baselines};
  if (ig.baselines.empty() && pictures.size() > 0) {
    ig.baselines = {extremes(pictures, false), extremes(pictures, true)};
  }
  Attribution a = explain_integrated_gradients(model, x, ig, options, where);
  const Device device = a.values.device();
  const Tensor signed_values = a.values.to({});
  const std::int64_t results = static_cast<std::int64_t>(a.f.size()), classes = results / inputs[0];
  const std::int64_t points = row[1] * row[2];
  const Sizes sizes(o, row);
  Shape shape = inputs.with(1, 1);
  if (classes > 1) shape = shape.with_inserted(1, classes);
  const Tensor ranked = Tensor::empty(shape, DType::f32);
  std::vector<Segment> segments;
  std::vector<double> map(static_cast<std::size_t>(points));
  for (std::int64_t r = 0; r < results; ++r) {
    const std::int64_t s = r / classes;
    if (masks.defined() && (s == 0 || masks.dim(0) > 1)) {
      const std::int64_t size = masks.size() / masks.dim(0);
      segments = given_segments(masks.data<float>() + s * size, masks.dim(1), points);
    } else if (!masks.defined() && r % classes == 0) {
      segments = own_segments(pictures.data<float>() + s * row.size(), row, o, sizes);
    }
    const float* const values = signed_values.data<float>() + r * row.size();
    for (std::int64_t i = 0; i < points; ++i) {
      float largest = values[i];
      for (std::int64_t c = 1; c < row[0]; ++c) {
        largest = std::max(largest, values[c * points + i]);
      }
      map[static_cast<std::size_t>(i)] = static_cast<double>(largest);
    }
    const std::vector<double> result = rank_segments(map, segments, sizes.min_new_points);
    std::ranges::transform(result, ranked.mutable_data<float>() + r * points,
                           [](double v) { return static_cast<float>(v); });
  }
  a.method = "xrai";
  a.values = ranked.to(device);
  a.delta.clear();
  a.relative_delta.clear();
  return a;
}

}  // namespace ingrad
