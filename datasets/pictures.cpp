// SPDX-License-Identifier: Apache-2.0
#include "datasets/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace ingrad {
namespace {

// Which old elements a new one covers, and how much of each.
struct Cover {
  std::int64_t first;
  std::vector<double> weights;
};

std::vector<Cover> covers(std::int64_t from, std::int64_t to) {
  std::vector<Cover> result;
  const double step = static_cast<double>(from) / static_cast<double>(to);
  for (std::int64_t i = 0; i < to; ++i) {
    const double begin = static_cast<double>(i) * step, end = begin + step;
    Cover cover{std::min(static_cast<std::int64_t>(begin), from - 1), {}};
    for (std::int64_t j = cover.first;
         j < from && (static_cast<double>(j) < end || j == cover.first); ++j) {
      const double overlap =
          std::min(end, static_cast<double>(j + 1)) - std::max(begin, static_cast<double>(j));
      cover.weights.push_back(std::max(overlap, 0.0) / step);
    }
    result.push_back(std::move(cover));
  }
  return result;
}

}  // namespace

Tensor stack_pictures(std::span<const Tensor> pictures, std::string_view what, Location where) {
  if (pictures.empty()) throw Error(fmt::format("{}: no pictures", what), where);
  const Shape shape = pictures[0].shape();
  const std::int64_t height = shape[0], width = shape[1], channels = shape[2];
  const auto n = static_cast<std::int64_t>(pictures.size());
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (pictures[i].shape() != shape) {
      throw Error(fmt::format("{}: picture {} is {} [height, width, channels], the first is {}",
                              what, i, pictures[i].shape().str(), shape.str()),
                  where);
    }
  }
  const Tensor result = Tensor::empty({n, channels, height, width}, DType::u8, where);
  auto* to = result.mutable_data<std::uint8_t>();
  for (const Tensor& picture : pictures) {
    const auto* from = picture.data<std::uint8_t>();
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t p = 0; p < height * width; ++p) *to++ = from[p * channels + c];
    }
  }
  return result;
}

Tensor with_channels(const Tensor& picture, std::int64_t channels) {
  const std::int64_t have = picture.dim(2);
  if (have == channels) return picture;
  const Tensor result = Tensor::empty(picture.shape().with(2, channels), DType::u8);
  const auto* from = picture.data<std::uint8_t>();
  auto* to = result.mutable_data<std::uint8_t>();
  for (std::int64_t p = 0; p < picture.dim(0) * picture.dim(1); ++p, from += have) {
    const bool is_color = have >= 3;
    if (channels == 3) {
      for (int c = 0; c < 3; ++c) *to++ = from[is_color ? c : 0];
    } else {
      *to++ = is_color ? static_cast<std::uint8_t>(
                             (299 * from[0] + 587 * from[1] + 114 * from[2] + 500) / 1000)
                       : from[0];
    }
  }
  return result;
}

Tensor resized(const Tensor& picture, std::int64_t height, std::int64_t width) {
  if (picture.dim(0) == height && picture.dim(1) == width) return picture;
  const std::int64_t channels = picture.dim(2), old_width = picture.dim(1);
  const std::vector<Cover> rows = covers(picture.dim(0), height),
                           columns = covers(old_width, width);
  const Tensor result = Tensor::empty({height, width, channels}, DType::u8);
  const auto* from = picture.data<std::uint8_t>();
  auto* to = result.mutable_data<std::uint8_t>();
  for (const Cover& row : rows) {
    for (const Cover& column : columns) {
      for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (std::size_t y = 0; y < row.weights.size(); ++y) {
          const std::int64_t line = (row.first + static_cast<std::int64_t>(y)) * old_width;
          for (std::size_t x = 0; x < column.weights.size(); ++x) {
            const std::int64_t at = line + column.first + static_cast<std::int64_t>(x);
            sum += row.weights[y] * column.weights[x] * from[at * channels + c];
          }
        }
        *to++ = static_cast<std::uint8_t>(std::clamp(std::lround(sum), 0L, 255L));
      }
    }
  }
  return result;
}

}  // namespace ingrad
