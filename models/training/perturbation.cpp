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

// Normal numbers as ones of exponential size (Laplace), of which a vector, divided by its L1 norm,
// is uniform on the L1 sphere.
void as_exponential(std::span<double> v) {
  for (double& e : v) e = std::copysign(-std::log(std::erfc(std::abs(e) / std::sqrt(2.0))), e);
}

}  // namespace

Perturbation::Perturbation(const Tensor& x, const AttackOptions& o, std::vector<double> radii,
                           Location where)
    : norm_(o.norm), radii_(std::move(radii)), l1_share_(o.l1_share), seed_(o.seed), where_(where) {
  if (!x.defined() || (x.dtype() != DType::f32 && x.dtype() != DType::f64) || x.rank() < 1) {
    throw Error(fmt::format("attack: inputs are {}, expected f32 or f64 [N, ...]",
                            x.defined() ? x.spec().str() : "undefined"),
                where);
  }
  if (radii_.empty()) {
    radii_ = {o.epsilon};
  } else if (static_cast<std::int64_t>(radii_.size()) != x.dim(0)) {
    throw Error(fmt::format("attack: {} radii for {} rows", radii_.size(), x.dim(0)), where);
  }
  for (const double r : radii_) {
    if (r >= 0 && r < kInfinity) continue;
    throw Error(fmt::format("attack: epsilon is {}, expected a finite number >= 0", r), where);
  }
  if (!(o.l1_share > 0 && o.l1_share <= 1)) {
    throw Error(
        fmt::format("attack: steps of a share of {} of the elements, expected one in (0, 1]",
                    o.l1_share),
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
  step_ = o.step_size;
  step_share_ = o.steps > 1 ? 2.5 / o.steps : o.random_start ? 1.25 : 1;
  sign_ = o.targeted ? -1 : 1;
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

template <class T>
std::vector<std::int64_t> Perturbation::largest(const T* at,
                                                const std::vector<double>& slope) const {
  std::vector<std::int64_t> order;
  std::int64_t i = 0;
  for (const Channel& c : channels_) {
    for (const std::int64_t end = i + spatial_; i < end; ++i) {
      const double s = slope[static_cast<std::size_t>(i)];
      if (s == 0) continue;
      // An element that the next number already takes out of bounds stays.
      const auto next = static_cast<double>(
          std::nextafter(at[i], static_cast<T>(s > 0 ? kInfinity : -kInfinity)));
      if (s > 0 ? next <= c.high : next >= c.low) order.push_back(i);
    }
  }
  const auto wanted = static_cast<std::size_t>(std::ceil(l1_share_ * static_cast<double>(width_)));
  const auto kept = order.begin() + static_cast<std::ptrdiff_t>(std::min(wanted, order.size()));
  std::partial_sort(order.begin(), kept, order.end(), [&](std::int64_t a, std::int64_t b) {
    const double x = std::abs(slope[static_cast<std::size_t>(a)]);
    const double y = std::abs(slope[static_cast<std::size_t>(b)]);
    return x > y || (x == y && a < b);
  });
  order.erase(kept, order.end());
  return order;
}

template <class T>
void Perturbation::add_step(std::int64_t row, const T* at, const T* gradient,
                            double* offsets) const {
  const double step = sign_ * (step_ > 0 ? step_ : step_share_ * radius(row));
  if (norm_ == AttackNorm::linf) {
    for (std::int64_t i = 0; i < width_; ++i) {
      offsets[i] += step * ((gradient[i] > 0) - (gradient[i] < 0));
    }
    return;
  }
  // The gradient by raw values, of which only the direction counts.
  std::vector<double> slope(static_cast<std::size_t>(width_));
  std::size_t i = 0;
  for (const Channel& c : channels_) {
    for (const std::size_t end = i + static_cast<std::size_t>(spatial_); i < end; ++i) {
      slope[i] = sign_ * static_cast<double>(gradient[i]) / c.deviation;
    }
  }
  if (norm_ == AttackNorm::l1) {
    const std::vector<std::int64_t> chosen = largest(at, slope);
    for (const std::int64_t k : chosen) {
      const double direction = slope[static_cast<std::size_t>(k)] > 0 ? 1 : -1;
      offsets[k] += std::abs(step) * direction / static_cast<double>(chosen.size());
    }
    return;
  }
  const double length = norm_of(norm_, slope);
  for (std::size_t k = 0; length > 0 && k < slope.size(); ++k) {
    offsets[k] += std::abs(step) * (slope[k] / length);
  }
}

template <class T>
void Perturbation::move_row(std::int64_t row, const T* at, const T* gradient, T* to,
                            double* offsets) const {
  const T* from = x_.data<T>() + row * width_;
  std::int64_t i = 0;
  for (const Channel& c : channels_) {
    for (const std::int64_t end = i + spatial_; i < end; ++i) {
      offsets[i] = (static_cast<double>(at[i]) - static_cast<double>(from[i])) * c.deviation;
    }
  }
  add_step(row, at, gradient, offsets);
  project_onto_ball(norm_, radius(row), row_of(offsets));
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
      double scale = radius(r);
      if (norm_ == AttackNorm::l1) as_exponential(row_of(offsets));
      if (!box) {
        // The direction is uniform; the share of the ball within radius r grows as r^width.
        const Tensor u =
            random_uniform({1, 1}, {seed_, radius_stream, sample, draw}, 0, 1, DType::f64);
        const double length = norm_of(norm_, row_of(offsets));
        scale *= length > 0 ? std::pow(u.item(), 1.0 / static_cast<double>(width_)) / length : 0;
      }
      for (std::int64_t i = 0; i < width_; ++i) offsets[i] *= scale;
      project_onto_ball(norm_, radius(r), row_of(offsets));
      place(r, offsets, to.mutable_data<T>() + r * width_);
    }
  });
  return to;
}

}  // namespace ingrad
