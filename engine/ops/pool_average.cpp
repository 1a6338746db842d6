// SPDX-License-Identifier: Apache-2.0
// Average pooling: the mean over a box is a mean along each axis in turn.
#include <fmt/format.h>

#include <algorithm>

#include "engine/ops/pool.h"
#include "engine/ops/resample.h"
#include "engine/ops/spatial.h"

namespace ingrad {
namespace {

using kernels::AxisTable;

// The windows of one axis, each with weight 1 / divisor(begin, end): its bounds over the padded
// input.
template <class Divisor>
Attr::Table window_table(std::int64_t in, std::int64_t out, const Windows& w, Divisor divisor) {
  auto table = std::make_shared<AxisTable>();
  table->in = in;
  for (std::int64_t t = 0; t < out; ++t) {
    const std::int64_t begin = t * w.stride - w.padding;
    const std::int64_t end = std::min(begin + w.kernel, in + w.padding);
    const double weight = 1 / static_cast<double>(divisor(begin, end));
    for (std::int64_t i = std::max<std::int64_t>(begin, 0); i < std::min(end, in); ++i) {
      table->add(i, weight);
    }
    table->end_row();
  }
  return table;
}

Tensor avg_pool_nd(const char* op, int axes, const Tensor& x, IntList kernel,
                   const AvgPoolOptions& o, Location where) {
  const Batched in = batched(op, x, axes, where);
  require_spatial(op, in.x.spec(), where);
  const auto size = per_axis(op, "kernel", kernel, axes, 1, Attr::Ints{}, where);
  const auto stride = per_axis(op, "stride", o.stride, axes, 1, size, where);
  const auto padding = per_axis(op, "padding", o.padding, axes, 0, 0, where);
  if (o.divisor_override == 0) throw Error(fmt::format("{}: the divisor is 0", op), where);
  std::vector<AxisMap> maps;
  for (int i = 0; i < axes; ++i) {
    const auto a = static_cast<std::size_t>(i);
    const std::int64_t n = in.x.shape()[2 + i];
    const Windows w{size[a], stride[a], padding[a], 1};
    const std::int64_t out = count_windows(op, n, w, o.ceil_mode, where);
    maps.push_back({2 + i, window_table(n, out, w, [&](std::int64_t begin, std::int64_t end) {
                      if (o.divisor_override) return i == 0 ? *o.divisor_override : 1;
                      if (o.count_include_pad) return end - begin;
                      return std::min(end, n) - std::max<std::int64_t>(begin, 0);
                    })});
  }
  return in.restore(resample(in.x, std::move(maps), where), where);
}

Tensor adaptive_nd(const char* op, int axes, const Tensor& x, IntList size, Location where) {
  const Batched in = batched(op, x, axes, where);
  require_spatial(op, in.x.spec(), where);
  const auto out = adaptive_sizes(op, in.x.spec(),
                                  per_axis(op, "size", size, axes, -1, Attr::Ints{}, where), where);
  if (std::all_of(out.begin(), out.end(), [](std::int64_t n) { return n == 1; })) {
    const std::int64_t all[] = {2, 3, 4};
    const auto spatial = std::span(all).first(static_cast<std::size_t>(axes));
    return in.restore(mean(in.x, spatial, true, where), where);
  }
  std::vector<AxisMap> maps;
  for (int i = 0; i < axes; ++i) {
    auto table = std::make_shared<AxisTable>();
    table->in = in.x.shape()[2 + i];
    const std::int64_t n = out[static_cast<std::size_t>(i)];
    for (std::int64_t t = 0; t < n; ++t) {
      const AdaptiveWindow w = adaptive_window(t, table->in, n);
      for (std::int64_t k = w.first; k < w.last; ++k) {
        table->add(k, 1 / static_cast<double>(w.last - w.first));
      }
      table->end_row();
    }
    maps.push_back({2 + i, std::move(table)});
  }
  return in.restore(resample(in.x, std::move(maps), where), where);
}

}  // namespace

Tensor avg_pool1d(const Tensor& x, IntList kernel, const AvgPoolOptions& o, Location where) {
  return avg_pool_nd("avg_pool1d", 1, x, kernel, o, where);
}
Tensor avg_pool2d(const Tensor& x, IntList kernel, const AvgPoolOptions& o, Location where) {
  return avg_pool_nd("avg_pool2d", 2, x, kernel, o, where);
}
Tensor avg_pool3d(const Tensor& x, IntList kernel, const AvgPoolOptions& o, Location where) {
  return avg_pool_nd("avg_pool3d", 3, x, kernel, o, where);
}

Tensor adaptive_avg_pool1d(const Tensor& x, IntList size, Location where) {
  return adaptive_nd("adaptive_avg_pool1d", 1, x, size, where);
}
Tensor adaptive_avg_pool2d(const Tensor& x, IntList size, Location where) {
  return adaptive_nd("adaptive_avg_pool2d", 2, x, size, where);
}
Tensor adaptive_avg_pool3d(const Tensor& x, IntList size, Location where) {
  return adaptive_nd("adaptive_avg_pool3d", 3, x, size, where);
}

}  // namespace ingrad
