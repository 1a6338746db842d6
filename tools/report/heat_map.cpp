// SPDX-License-Identifier: Apache-2.0
#include "tools/report/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "engine/error.h"
#include "tools/report/colour_map.h"

namespace ingrad::tools {
namespace {

constexpr double kPalest = 0.62;  // black of the picture below an overlay; white stays white

Tensor blank(std::int64_t height, std::int64_t width) {
  const Tensor t = Tensor::empty({height, width, 3}, DType::u8);
  std::fill_n(t.mutable_data<std::uint8_t>(), t.size(), std::uint8_t{255});
  return t;
}

std::uint8_t byte_of(double v) {
  return static_cast<std::uint8_t>(std::lround(255 * std::clamp(v, 0.0, 1.0)));
}

void require_planes(const Tensor& t, const char* what) {
  if (t.rank() != 3 || t.size() == 0) {
    throw Error(fmt::format("{} {}; expected [channels, height, width]", what, t.spec().str()));
  }
}

void paste(const Tensor& picture, const Tensor& to, std::int64_t top, std::int64_t left) {
  const std::int64_t row = 3 * picture.dim(1);
  for (std::int64_t y = 0; y < picture.dim(0); ++y) {
    std::copy_n(picture.data<std::uint8_t>() + y * row, row,
                to.mutable_data<std::uint8_t>() + ((top + y) * to.dim(1) + left) * 3);
  }
}

}  // namespace

Tensor picture_of(const Tensor& sample) {
  require_planes(sample, "picture");
  const auto v = sample.to_vector<float>();
  const std::int64_t channels = sample.dim(0), pixels = sample.dim(1) * sample.dim(2);
  const Tensor out = Tensor::empty({sample.dim(1), sample.dim(2), 3}, DType::u8);
  auto* to = out.mutable_data<std::uint8_t>();
  for (std::int64_t i = 0; i < pixels; ++i) {
    double mean = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
      mean += v[static_cast<std::size_t>(c * pixels + i)] / static_cast<double>(channels);
    }
    for (std::int64_t c = 0; c < 3; ++c) {
      to[3 * i + c] = byte_of(channels == 3 ? v[static_cast<std::size_t>(c * pixels + i)] : mean);
    }
  }
  return out;
}

SignedMap signed_map(const Tensor& attribution, double percentile) {
  require_planes(attribution, "attribution");
  if (!(percentile > 0 && percentile <= 100)) {
    throw Error(fmt::format("heat map: percentile {}, expected above 0, up to 100", percentile));
  }
  const auto v = attribution.to_vector<double>();
  SignedMap map{attribution.dim(1), attribution.dim(2), {}, 0};
  const auto pixels = static_cast<std::size_t>(map.height * map.width);
  map.values.assign(pixels, 0.0);
  for (std::size_t i = 0; i < v.size(); ++i) map.values[i % pixels] += v[i];

  std::vector<double> magnitudes;
  for (const double x : map.values) magnitudes.push_back(std::abs(x));
  const auto rank =
      static_cast<std::ptrdiff_t>(std::ceil(percentile / 100 * static_cast<double>(pixels)) - 1);
  const auto at = magnitudes.begin() + std::max<std::ptrdiff_t>(rank, 0);
  std::nth_element(magnitudes.begin(), at, magnitudes.end());
  map.scale = *at > 0 ? *at : *std::max_element(magnitudes.begin(), magnitudes.end());
  if (map.scale > 0) {
    for (double& x : map.values) x = std::clamp(x / map.scale, -1.0, 1.0);
  }
  return map;
}

Tensor heat_map(const SignedMap& map) {
  const Tensor out = Tensor::empty({map.height, map.width, 3}, DType::u8);
  auto* to = out.mutable_data<std::uint8_t>();
  for (const double v : map.values) {
    const Rgb c = diverging_colour(v);
    to = std::copy(c.begin(), c.end(), to);
  }
  return out;
}

Tensor overlay(const Tensor& picture, const SignedMap& map) {
  if (picture.dim(0) != map.height || picture.dim(1) != map.width) {
    throw Error(fmt::format("overlay: picture of {} x {} pixels, map of {} x {}", picture.dim(0),
                            picture.dim(1), map.height, map.width));
  }
  const Tensor out = heat_map(map);
  auto* to = out.mutable_data<std::uint8_t>();
  const auto* from = picture.data<std::uint8_t>();
  for (std::size_t i = 0; i < map.values.size(); ++i) {
    const double grey =
        (0.299 * from[3 * i] + 0.587 * from[3 * i + 1] + 0.114 * from[3 * i + 2]) / 255;
    const double paper = kPalest + (1 - kPalest) * grey;
    for (std::size_t c = 0; c < 3; ++c) to[3 * i + c] = byte_of(paper * to[3 * i + c] / 255);
  }
  return out;
}

Tensor enlarged(const Tensor& picture, std::int64_t factor) {
  const std::int64_t height = picture.dim(0) * factor, width = picture.dim(1) * factor;
  const Tensor out = Tensor::empty({height, width, 3}, DType::u8);
  const auto* from = picture.data<std::uint8_t>();
  auto* to = out.mutable_data<std::uint8_t>();
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      to = std::copy_n(from + (y / factor * picture.dim(1) + x / factor) * 3, 3, to);
    }
  }
  return out;
}

std::int64_t enlargement(std::int64_t height, std::int64_t width, std::int64_t pixels) {
  const std::int64_t longer = std::max<std::int64_t>(std::max(height, width), 1);
  return std::max<std::int64_t>(1, (pixels + longer - 1) / longer);
}

Tensor side_by_side(std::span<const Tensor> pictures, std::int64_t gap) {
  std::int64_t height = 0, width = -gap;
  for (const Tensor& p : pictures) {
    height = std::max(height, p.dim(0));
    width += p.dim(1) + gap;
  }
  const Tensor out = blank(height, std::max<std::int64_t>(width, 0));
  std::int64_t left = 0;
  for (const Tensor& p : pictures) {
    paste(p, out, (height - p.dim(0)) / 2, left);
    left += p.dim(1) + gap;
  }
  return out;
}

Tensor stacked(std::span<const Tensor> pictures, std::int64_t gap) {
  std::int64_t height = -gap, width = 0;
  for (const Tensor& p : pictures) {
    height += p.dim(0) + gap;
    width = std::max(width, p.dim(1));
  }
  const Tensor out = blank(std::max<std::int64_t>(height, 0), width);
  std::int64_t top = 0;
  for (const Tensor& p : pictures) {
    paste(p, out, top, (width - p.dim(1)) / 2);
    top += p.dim(0) + gap;
  }
  return out;
}

}  // namespace ingrad::tools
