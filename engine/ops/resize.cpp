// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/resample.h"
#include "engine/ops/spatial.h"

namespace ingrad {
namespace {

using kernels::AxisTable;

// Output t of `out` along an axis of `in` elements; `step` is the distance between outputs, in
// inputs.
void add_row(AxisTable& table, std::int64_t t, std::int64_t in, double step,
             const ResizeOptions& o) {
  const auto at = static_cast<double>(t);
  const std::int64_t last = in - 1;
  if (o.mode != Interpolation::linear) {
    const double shift = o.mode == Interpolation::nearest_exact ? 0.5 : 0.0;
    table.add(std::min(static_cast<std::int64_t>(std::floor((at + shift) * step)), last), 1);
  } else {
    const double place = o.align_corners ? at * step : std::max((at + 0.5) * step - 0.5, 0.0);
    const std::int64_t low = std::min(static_cast<std::int64_t>(place), last);
    const double above = std::clamp(place - static_cast<double>(low), 0.0, 1.0);
    if (low == last) {
      table.add(low, 1);
    } else {
      table.add(low, 1 - above);
      table.add(low + 1, above);
    }
  }
  table.end_row();
}

// `factors`: empty, or one per axis.
Tensor resized(const char* op, const Tensor& x, const std::vector<std::int64_t>& size,
               const std::vector<double>& factors, const ResizeOptions& o, Location where) {
  const int axes = static_cast<int>(size.size());
  const Batched in = batched(op, x, axes, where);
  require_spatial(op, in.x.spec(), where);
  if (o.align_corners && o.mode != Interpolation::linear) {
    throw Error(fmt::format("{}: align_corners is an option of linear interpolation", op), where);
  }
  std::vector<AxisMap> maps;
  for (int i = 0; i < axes; ++i) {
    const std::int64_t n = in.x.shape()[2 + i], out = size[static_cast<std::size_t>(i)];
    if (n < 1) {
      throw Error(fmt::format("{}: axis {} of {} is empty", op, 2 + i, in.x.shape().str()), where);
    }
    double step = factors.empty() ? static_cast<double>(n) / static_cast<double>(out)
                                  : 1 / factors[static_cast<std::size_t>(i)];
    if (o.align_corners) {
      step = out > 1 ? static_cast<double>(n - 1) / static_cast<double>(out - 1) : 0;
    }
    if (out == n && (factors.empty() || step == 1)) continue;
    auto table = std::make_shared<AxisTable>();
    table->in = n;
    for (std::int64_t t = 0; t < out; ++t) add_row(*table, t, n, step, o);
    maps.push_back({2 + i, std::move(table)});
  }
  return in.restore(resample(in.x, std::move(maps), where), where);
}

// Without the batch axis there is one axis less; both forms have one or more entries per axis, so a
// single entry tells nothing: then x is taken to have a batch axis.
int spatial_axes(std::size_t entries, const Tensor& x) {
  return entries > 1 ? static_cast<int>(entries) : std::max(x.rank() - 2, 1);
}

}  // namespace

Tensor resize(const Tensor& x, IntList size, const ResizeOptions& options, Location where) {
  const int axes = spatial_axes(size.size(), x);
  return resized("resize", x, per_axis("resize", "size", size, axes, 1, Attr::Ints{}, where), {},
                 options, where);
}

Tensor upsample(const Tensor& x, std::span<const double> factors, const ResizeOptions& options,
                Location where) {
  const int axes = spatial_axes(factors.size(), x);
  std::vector<double> each(factors.begin(), factors.end());
  if (each.size() == 1) each.resize(static_cast<std::size_t>(axes), each[0]);
  if (each.empty()) throw Error("upsample: no factor is given", where);
  const Batched in = batched("upsample", x, axes, where);
  std::vector<std::int64_t> size;
  for (std::size_t i = 0; i < each.size(); ++i) {
    const std::int64_t n = in.x.shape()[2 + static_cast<int>(i)];
    const double extent = std::floor(static_cast<double>(n) * each[i]);
    if (!(each[i] > 0) || !(extent >= 1) || extent > 0x1p31) {
      throw Error(fmt::format("upsample: factor {} of {} elements; expected a positive one that "
                              "leaves at least one element",
                              each[i], n),
                  where);
    }
    size.push_back(static_cast<std::int64_t>(extent));
  }
  return resized("upsample", x, size, each, options, where);
}

Tensor upsample(const Tensor& x, double factor, const ResizeOptions& options, Location where) {
  return upsample(x, std::span<const double>(&factor, 1), options, where);
}

}  // namespace ingrad
