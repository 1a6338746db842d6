// SPDX-License-Identifier: Apache-2.0
#include "attribution/baseline_choices.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/device.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/random.h"

namespace ingrad {
namespace {

constexpr std::uint64_t kStream = 0x6261736573;  // "bases"

Tensor rows_of(std::string_view what, const Tensor& data, Location where) {
  if (!data.defined() || data.rank() < 2 || data.size() == 0 || !is_floating(data.dtype())) {
    throw Error(fmt::format("{}: data {}; expected floating [samples, ...]", what,
                            data.defined() ? data.spec().str() : "undefined"),
                where);
  }
  return contiguous(cast(data.detach().to({}, where), DType::f32));
}

double entry(std::string_view what, const std::vector<double>& list, std::int64_t channel,
             std::int64_t channels, double fallback, Location where) {
  if (list.empty()) return fallback;
  if (list.size() != 1 && static_cast<std::int64_t>(list.size()) != channels) {
    throw Error(
        fmt::format("baseline: {} values of the {} for {} channels", list.size(), what, channels),
        where);
  }
  return list[list.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
}

}  // namespace

Tensor constant_baseline(const Shape& row, double raw, const InputDomain& domain, Location where) {
  const DeviceScope here(Device{});
  const Tensor t = Tensor::empty(row, DType::f32, where);
  const std::int64_t channels = row.rank() == 0 ? 1 : row[0];
  const std::int64_t points = channels == 0 ? 0 : row.size() / channels;
  for (std::int64_t c = 0; c < channels; ++c) {
    const double mean = entry("mean", domain.mean, c, channels, 0, where);
    const double deviation = entry("deviation", domain.deviation, c, channels, 1, where);
    if (!(deviation > 0)) {
      throw Error(fmt::format("baseline: the deviation of channel {} is {}; expected a positive "
                              "number",
                              c, deviation),
                  where);
    }
    std::fill_n(t.mutable_data<float>() + c * points, points,
                static_cast<float>((raw - mean) / deviation));
  }
  return t;
}

std::vector<Tensor> black_and_white_baselines(const Shape& row, double low, double high,
                                              const InputDomain& domain, Location where) {
  return {constant_baseline(row, low, domain, where), constant_baseline(row, high, domain, where)};
}

Tensor mean_baseline(const Tensor& data, Location where) {
  const DeviceScope here(Device{});
  return cast(mean(cast(rows_of("mean_baseline", data, where), DType::f64), {0}), DType::f32);
}

std::vector<Tensor> sampled_baselines(const Tensor& data, std::int64_t count, std::uint64_t seed,
                                      Location where) {
  const DeviceScope here(Device{});
  const Tensor rows = rows_of("sampled_baselines", data, where);
  if (count < 1 || count > rows.dim(0)) {
    throw Error(
        fmt::format("sampled_baselines: {} of {} rows; expected at least 1 and no more than there "
                    "are",
                    count, rows.dim(0)),
        where);
  }
  const auto order =
      random_permutation(rows.dim(0), {seed, kStream, 0, 0}).to_vector<std::int64_t>();
  std::vector<Tensor> chosen;
  for (std::int64_t i = 0; i < count; ++i) {
    chosen.push_back(contiguous(select(rows, 0, order[static_cast<std::size_t>(i)])));
  }
  return chosen;
}

Tensor blurred_baseline(const Tensor& x, double sigma, BlurEdge edge, Location where) {
  const DeviceScope here(Device{});
  const Tensor rows = rows_of("blurred_baseline", x, where);
  const Shape row = rows.shape().without(0);
  check_pictures("blurred_baseline", row, where);
  if (!(sigma >= 0 && sigma < 1e6)) {
    throw Error(fmt::format("blurred_baseline: sigma is {}; expected a number from 0", sigma),
                where);
  }
  const Tensor blurred = Tensor::empty(rows.shape(), DType::f32, where);
  const auto width = static_cast<std::size_t>(row.size());
  for (std::int64_t s = 0; s < rows.dim(0); ++s) {
    const std::size_t at = static_cast<std::size_t>(s) * width;
    const auto picture = gaussian_blur({rows.data<float>() + at, width}, row, sigma, edge);
    std::ranges::transform(picture, blurred.mutable_data<float>() + at,
                           [](double v) { return static_cast<float>(v); });
  }
  return blurred;
}

Tensor most_distant_baseline(const Tensor& x, const Tensor& low, const Tensor& high,
                             Location where) {
  const DeviceScope here(Device{});
  const Tensor rows = rows_of("most_distant_baseline", x, where);
  const auto bound = [&](const Tensor& t) {
    if (!t.defined()) throw Error("most_distant_baseline: a bound is undefined", where);
    return contiguous(expand(cast(t.detach().to({}), DType::f32), rows.shape(), where));
  };
  const Tensor least = bound(low), most = bound(high);
  const Tensor result = Tensor::empty(rows.shape(), DType::f32, where);
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const float v = rows.data<float>()[i], a = least.data<float>()[i], b = most.data<float>()[i];
    if (!(a <= b)) {
      throw Error(fmt::format("most_distant_baseline: bounds {} and {} at element {}; expected "
                              "them in order",
                              a, b, i % (rows.size() / rows.dim(0))),
                  where);
    }
    result.mutable_data<float>()[i] = b - v > v - a ? b : a;
  }
  return result;
}

std::vector<Tensor> uniform_baselines(const Tensor& x, double low, double high, std::int64_t count,
                                      std::uint64_t seed, std::int64_t first_sample,
                                      Location where) {
  const DeviceScope here(Device{});
  const Tensor rows = rows_of("uniform_baselines", x, where);
  if (count < 1) {
    throw Error(fmt::format("uniform_baselines: {} baselines; expected at least 1", count), where);
  }
  std::vector<Tensor> drawn;
  for (std::int64_t b = 0; b < count; ++b) {
    const RandomKey key{seed, kStream + 1, static_cast<std::uint64_t>(first_sample),
                        static_cast<std::uint64_t>(b)};
    drawn.push_back(random_uniform(rows.shape(), key, low, high, DType::f32, where));
  }
  return drawn;
}

}  // namespace ingrad
