// SPDX-License-Identifier: Apache-2.0
#include "models/training/perturbation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/elementwise.h"
#include "engine/parallel.h"
#include "engine/random.h"

namespace ingrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double entry(const std::vector<double>& list, std::size_t channel, double fallback) {
  return list.empty() ? fallback : list[list.size() == 1 ? 0 : channel];
}

void check_list(std::string_view what, const std::vector<double>& list, std::size_t channels,
                Location where) {
  if (list.size() > 1 && list.size() != channels) {
    throw Error(fmt::format("attack: {} values of {} for {} channels", list.size(), what, channels),
                where);
  }
}

// f(T{}) with the C++ type of the dtype, f32 or f64.
template <class F>
void with_float_type(DType dtype, const F& f) {
  if (dtype == DType::f64) {
    f(double{});
  } else {
    f(float{});
  }
}

// The nearest value of T to x + d that is no further from x than |d|.
template <class T>
T add_towards(T x, double d) {
  const double from = static_cast<double>(x);
  T sum = static_cast<T>(from + d);
  while (std::abs(static_cast<double>(sum) - from) > std::abs(d)) sum = std::nextafter(sum, x);
  return sum;
}

double l2(const double* v, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += v[i] * v[i];
  return std::sqrt(total);
}

}  // namespace

Perturbation::Perturbation(const Tensor& x, const AttackOptions& o, Location where)
    : norm_(o.norm), epsilon_(o.epsilon), seed_(o.seed), where_(where) {
  if (!x.defined() || (x.dtype() != DType::f32 && x.dtype() != DType::f64) || x.rank() < 1) {
    throw Error(fmt::format("attack: inputs are {}, expected f32 or f64 [N, ...]",
                            x.defined() ? x.spec().str() : "undefined"),
                where);
  }
  if (!(o.epsilon >= 0 && o.epsilon < kInfinity)) {
    throw Error(fmt::format("attack: epsilon is {}, expected a finite number >= 0", o.epsilon),
                where);
  }
  if (!(o.step_size >= 0 && o.step_size < kInfinity)) {
    throw Error(
        fmt::format("attack: the step size is {}, expected a finite number >= 0", o.step_size),
        where);
  }
  if (o.steps < 1 || o.restarts < 1) {
    throw Error(fmt::format("attack: {} steps and {} restarts, expected at least one of each",
                            o.steps, o.restarts),
                where);
  }
  x_ = contiguous(x.detach());
  width_ = 1;
  for (int axis = 1; axis < x.rank(); ++axis) width_ *= x.dim(axis);
  const std::size_t channels = x.rank() > 1 ? static_cast<std::size_t>(x.dim(1)) : 1;
  spatial_ = channels == 0 ? 1 : width_ / static_cast<std::int64_t>(channels);
  const InputDomain& d = o.domain;
  check_list("the mean", d.mean, channels, where);
  check_list("the deviation", d.deviation, channels, where);
  check_list("the lower bound", d.low, channels, where);
  check_list("the upper bound", d.high, channels, where);
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = entry(d.mean, c, 0), deviation = entry(d.deviation, c, 1);
    const double low = entry(d.low, c, -kInfinity), high = entry(d.high, c, kInfinity);
    if (!std::isfinite(mean) || !(deviation > 0 && deviation < kInfinity) || !(low <= high)) {
      throw Error(fmt::format("attack: channel {} has mean {}, deviation {} and bounds {} to {}", c,
                              mean, deviation, low, high),
                  where);
    }
    channels_.push_back({deviation, (low - mean) / deviation, (high - mean) / deviation});
  }
  const double single = o.random_start ? 1.25 * epsilon_ : epsilon_;
  step_ = o.step_size > 0 ? o.step_size : o.steps == 1 ? single : 2.5 * epsilon_ / o.steps;
  if (o.targeted) step_ = -step_;
}

template <class Body>
void Perturbation::for_rows(const Body& body) const {
  constexpr std::int64_t kCost = 16;  // of an element
  parallel_ranges(
      rows(), rows() * width() * kCost, 0,
      [](const void* context, kernels::Range range) {
        const Body& each = *static_cast<const Body*>(context);
        for (std::int64_t r = range.begin; r < range.end; ++r) each(r);
      },
      &body);
}

template <class T>
void Perturbation::place(std::int64_t row, const double* offsets, T* to) const {
  const T* from = x_.data<T>() + row * width_;
  std::int64_t i = 0;
  for (const Channel& c : channels_) {
    for (const std::int64_t end = i + spatial_; i < end; ++i) {
      const double x = static_cast<double>(from[i]);
      // The bounds, or x itself where it lies outside.
      const double least = std::min(c.low - x, 0.0), most = std::max(c.high - x, 0.0);
      to[i] = add_towards(from[i], std::clamp(offsets[i] / c.deviation, least, most));
    }
  }
}

void Perturbation::project(double* offsets) const {
  if (norm_ == AttackNorm::linf) {
    for (std::int64_t i = 0; i < width_; ++i) {
      offsets[i] = std::clamp(offsets[i], -epsilon_, epsilon_);
    }
    return;
  }
  const double length = l2(offsets, width_);
  if (length <= epsilon_) return;
  for (std::int64_t i = 0; i < width_; ++i) offsets[i] *= epsilon_ / length;
}

template <class T>
void Perturbation::move_row(std::int64_t row, const T* at, const T* gradient, T* to,
                            double* offsets) const {
  const T* from = x_.data<T>() + row * width_;
  // The gradient by raw values, of which only the direction counts.
  double length = 1;
  if (norm_ == AttackNorm::l2) {
    double total = 0;
    std::int64_t i = 0;
    for (const Channel& c : channels_) {
      for (const std::int64_t end = i + spatial_; i < end; ++i) {
        const double g = static_cast<double>(gradient[i]) / c.deviation;
        total += g * g;
      }
    }
    length = std::sqrt(total);
  }
  std::int64_t i = 0;
  for (const Channel& c : channels_) {
    for (const std::int64_t end = i + spatial_; i < end; ++i) {
      const double g = static_cast<double>(gradient[i]);
      const double direction = norm_ == AttackNorm::linf ? (g > 0) - (g < 0)
                               : length > 0              ? g / c.deviation / length
                                                         : 0;
      const double moved_so_far = static_cast<double>(at[i]) - static_cast<double>(from[i]);
      offsets[i] = moved_so_far * c.deviation + step_ * direction;
    }
  }
  project(offsets);
  place(row, offsets, to);
}

Tensor Perturbation::moved(const Tensor& at, const Tensor& gradient) const {
  const Tensor here = contiguous(at), slope = contiguous(gradient);
  const Tensor to = Tensor::empty(x_.shape(), x_.dtype(), where_);
  std::vector<char> finite(static_cast<std::size_t>(rows()), 1);
  with_float_type(x_.dtype(), [&]<class T>(T) {
    for_rows([&, width = width_](std::int64_t r) {
      const T* g = slope.data<T>() + r * width;
      if (!std::all_of(g, g + width, [](T v) { return std::isfinite(v); })) {
        finite[static_cast<std::size_t>(r)] = 0;
        return;
      }
      std::vector<double> offsets(static_cast<std::size_t>(width));
      move_row(r, here.data<T>() + r * width, g, to.mutable_data<T>() + r * width, offsets.data());
    });
  });
  const auto bad = std::find(finite.begin(), finite.end(), 0);
  if (bad != finite.end()) {
    throw Error(fmt::format("attack: the gradient of row {} is not finite", bad - finite.begin()),
                where_);
  }
  return to;
}

Tensor Perturbation::random_start(const Tensor& samples, std::uint64_t draw) const {
  const std::uint64_t stream = stream_of("attack.start");
  const std::uint64_t radius_stream = stream_of("attack.radius");
  const Tensor to = Tensor::empty(x_.shape(), x_.dtype(), where_);
  const bool box = norm_ == AttackNorm::linf;
  with_float_type(x_.dtype(), [&]<class T>(T) {
    for (std::int64_t r = 0; r < rows(); ++r) {
      const auto sample = static_cast<std::uint64_t>(samples.data<std::int64_t>()[r]);
      const RandomKey key{seed_, stream, sample, draw};
      const Tensor point = box ? random_uniform({1, width_}, key, -1, 1, DType::f64)
                               : random_normal({1, width_}, key, 0, 1, DType::f64);
      double* offsets = point.mutable_data<double>();
      double scale = epsilon_;
      if (!box) {
        // A normal vector has a uniform direction; the share of the ball within radius r grows as
        // r^width.
        const Tensor u =
            random_uniform({1, 1}, {seed_, radius_stream, sample, draw}, 0, 1, DType::f64);
        const double length = l2(offsets, width_);
        scale *= length > 0 ? std::pow(u.item(), 1.0 / static_cast<double>(width_)) / length : 0;
      }
      for (std::int64_t i = 0; i < width_; ++i) offsets[i] *= scale;
      project(offsets);
      place(r, offsets, to.mutable_data<T>() + r * width_);
    }
  });
  return to;
}

}  // namespace ingrad
