// SPDX-License-Identifier: Apache-2.0
#include "datasets/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "datasets/draws.h"

namespace ingrad {
namespace {

void check_normalization(const Normalization& n, std::int64_t channels, Location where) {
  if (static_cast<std::int64_t>(n.mean.size()) != channels ||
      static_cast<std::int64_t>(n.deviation.size()) != channels) {
    throw Error(fmt::format("normalization: {} means and {} deviations, expected {} (channels)",
                            n.mean.size(), n.deviation.size(), channels),
                where);
  }
  for (const float d : n.deviation) {
    if (!(d > 0)) throw Error(fmt::format("normalization: deviation {}, expected > 0", d), where);
  }
}

std::int64_t elements_per_channel(const Shape& batch) {
  std::int64_t n = 1;
  for (int axis = 2; axis < batch.rank(); ++axis) n *= batch[axis];
  return n;
}

}  // namespace

Normalization channel_statistics(const Dataset& dataset) {
  const std::int64_t channels = dataset.inputs.dim(1);
  const std::int64_t inner = elements_per_channel(dataset.inputs.shape());
  const bool is_u8 = dataset.inputs.dtype() == DType::u8;
  Normalization result;
  for (std::int64_t c = 0; c < channels; ++c) {
    // Two passes over the data: no cancellation, whatever the mean.
    const auto accumulate = [&](const auto& f) {
      double sum = 0;
      for (std::int64_t n = 0; n < dataset.size(); ++n) {
        const std::int64_t base = (n * channels + c) * inner;
        for (std::int64_t i = base; i < base + inner; ++i) {
          sum += f(is_u8 ? dataset.inputs.data<std::uint8_t>()[i] / 255.0
                         : static_cast<double>(dataset.inputs.data<float>()[i]));
        }
      }
      return sum / static_cast<double>(std::max<std::int64_t>(dataset.size() * inner, 1));
    };
    const double mean = accumulate([](double v) { return v; });
    const double variance = accumulate([&](double v) { return (v - mean) * (v - mean); });
    result.mean.push_back(static_cast<float>(mean));
    result.deviation.push_back(variance > 0 ? static_cast<float>(std::sqrt(variance)) : 1.0f);
  }
  return result;
}

Tensor normalize(const Tensor& inputs, const Normalization& normalization, Location where) {
  if (inputs.dtype() != DType::f32 || inputs.rank() < 2 || !inputs.is_contiguous()) {
    throw Error(fmt::format("normalize: {}, expected f32 [N, channels, ...]", inputs.spec().str()),
                where);
  }
  const std::int64_t channels = inputs.dim(1), inner = elements_per_channel(inputs.shape());
  check_normalization(normalization, channels, where);
  const Tensor result = Tensor::empty(inputs.shape());
  const auto* from = inputs.data<float>();
  auto* to = result.mutable_data<float>();
  for (std::int64_t i = 0; i < inputs.dim(0) * channels; ++i) {
    const auto c = static_cast<std::size_t>(i % channels);
    for (std::int64_t j = i * inner; j < (i + 1) * inner; ++j) {
      to[j] = (from[j] - normalization.mean[c]) / normalization.deviation[c];
    }
  }
  return result;
}

Loader::Loader(Dataset dataset, LoaderOptions options, Location where)
    : dataset_(checked(std::move(dataset), where)), options_(std::move(options)) {
  if (options_.batch_size < 1) {
    throw Error(fmt::format("loader: batch size {}, expected at least 1", options_.batch_size),
                where);
  }
  const Augmentation& a = options_.augmentation;
  if (a.crop_padding < 0 || a.crop_padding > 4096) {
    throw Error(fmt::format("loader: crop padding {}, expected 0 to 4096", a.crop_padding), where);
  }
  if ((a.crop_padding > 0 || a.horizontal_flip) && dataset_.inputs.rank() != 4) {
    throw Error(fmt::format("loader: augmentation is for pictures [N, C, H, W], not for {}",
                            dataset_.inputs.spec().str()),
                where);
  }
  const std::int64_t channels = dataset_.inputs.dim(1);
  const Normalization& n = options_.normalization;
  const bool normalized = !n.mean.empty() || !n.deviation.empty();
  if (normalized) check_normalization(n, channels, where);
  const float unit = dataset_.inputs.dtype() == DType::u8 ? 1.0f / 255.0f : 1.0f;
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    scale_.push_back(normalized ? unit / n.deviation[c] : unit);
    offset_.push_back(normalized ? -n.mean[c] / n.deviation[c] : 0.0f);
  }
}

std::int64_t Loader::batches() const {
  const std::int64_t b = options_.batch_size;
  return options_.drop_last ? dataset_.size() / b : (dataset_.size() + b - 1) / b;
}

std::vector<std::int64_t> Loader::rows_of(std::int64_t epoch, std::int64_t first,
                                          std::int64_t count) const {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
  if (!options_.shuffle) {
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = first + static_cast<std::int64_t>(i);
    return rows;
  }
  const std::lock_guard lock(mutex_);
  if (order_epoch_ != epoch) {
    order_ = Draws(options_.seed, "loader.order", 0, static_cast<std::uint64_t>(epoch))
                 .permutation(dataset_.size());
    order_epoch_ = epoch;
  }
  std::copy_n(order_.begin() + first, count, rows.begin());
  return rows;
}

void Loader::fill_sample(std::int64_t row, std::int64_t epoch, float* to) const {
  const Shape shape = dataset_.sample_shape();
  const Augmentation& a = options_.augmentation;
  const bool is_u8 = dataset_.inputs.dtype() == DType::u8;
  const std::int64_t channels = shape[0],
                     inner = shape.size() / std::max<std::int64_t>(channels, 1);
  // A picture that is not augmented is one long row.
  std::int64_t height = 1, width = inner, down = 0, right = 0;
  bool flip = false;
  if (a.crop_padding > 0 || a.horizontal_flip) {
    height = shape[1];
    width = shape[2];
    Draws draws(options_.seed, "loader.augment", static_cast<std::uint64_t>(row),
                static_cast<std::uint64_t>(epoch));
    const auto places = static_cast<std::uint64_t>(2 * a.crop_padding + 1);
    down = static_cast<std::int64_t>(draws.below(places)) - a.crop_padding;
    right = static_cast<std::int64_t>(draws.below(places)) - a.crop_padding;
    flip = a.horizontal_flip && draws.below(2) == 1;
  }
  for (std::int64_t c = 0; c < channels; ++c) {
    const float scale = scale_[static_cast<std::size_t>(c)];
    const float offset = offset_[static_cast<std::size_t>(c)];
    const std::int64_t base = (row * channels + c) * inner;
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x, ++to) {
        const std::int64_t from_y = y + down;
        const std::int64_t from_x = (flip ? width - 1 - x : x) + right;
        if (from_y < 0 || from_y >= height || from_x < 0 || from_x >= width) {
          *to = offset;
          continue;
        }
        const std::int64_t at = base + from_y * width + from_x;
        const float value = is_u8 ? static_cast<float>(dataset_.inputs.data<std::uint8_t>()[at])
                                  : dataset_.inputs.data<float>()[at];
        *to = value * scale + offset;
      }
    }
  }
}

Minibatch Loader::batch(std::int64_t epoch, std::int64_t index, Location where) const {
  if (epoch < 0 || index < 0 || index >= batches()) {
    throw Error(
        fmt::format("loader: no batch {} of epoch {}; an epoch has {}", index, epoch, batches()),
        where);
  }
  const std::int64_t first = index * options_.batch_size;
  const std::int64_t count = std::min(options_.batch_size, dataset_.size() - first);
  const std::vector<std::int64_t> rows = rows_of(epoch, first, count);
  Minibatch result{Tensor::empty(dataset_.inputs.shape().with(0, count)),
                   Tensor::empty(dataset_.labels.shape().with(0, count), dataset_.labels.dtype()),
                   Tensor::from(rows, {count})};
  const std::int64_t size = dataset_.sample_shape().size();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = rows[static_cast<std::size_t>(i)];
    fill_sample(row, epoch, result.inputs.mutable_data<float>() + i * size);
    if (dataset_.is_classification()) {
      result.labels.mutable_data<std::int64_t>()[i] = dataset_.labels.data<std::int64_t>()[row];
    } else {
      result.labels.mutable_data<float>()[i] = dataset_.labels.data<float>()[row];
    }
  }
  return result;
}

}  // namespace ingrad
