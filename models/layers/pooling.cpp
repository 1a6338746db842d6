// SPDX-License-Identifier: Apache-2.0
#include "models/layers/pooling.h"

#include "models/layers/text.h"

namespace ingrad {
namespace {

// The one of three functions that is for this number of axes.
template <int SpatialAxes, class F1, class F2, class F3>
constexpr auto pick(F1 one, F2 two, F3 three) {
  if constexpr (SpatialAxes == 1) {
    return one;
  } else if constexpr (SpatialAxes == 2) {
    return two;
  } else {
    return three;
  }
}

// ", stride=2" unless windows lie side by side.
std::string stride_option(const std::vector<std::int64_t>& stride) {
  return stride.empty() ? std::string() : fmt::format(", stride={}", extents_text(stride));
}

}  // namespace

template <int SpatialAxes>
std::string MaxPool<SpatialAxes>::describe() const {
  return fmt::format("MaxPool{}d({}{}{}{}{})", SpatialAxes, extents_text(kernel_),
                     stride_option(options_.stride), extents_option("padding", options_.padding, 0),
                     extents_option("dilation", options_.dilation, 1),
                     option_text("ceil_mode", options_.ceil_mode, false));
}

template <int SpatialAxes>
Tensor MaxPool<SpatialAxes>::forward(const Tensor& x, Pass&) const {
  constexpr auto pool = pick<SpatialAxes>(max_pool1d, max_pool2d, max_pool3d);
  return pool(x, kernel_, options_, Location::current());
}

template <int SpatialAxes>
std::string AvgPool<SpatialAxes>::describe() const {
  const auto& divisor = options_.divisor_override;
  return fmt::format("AvgPool{}d({}{}{}{}{}{})", SpatialAxes, extents_text(kernel_),
                     stride_option(options_.stride), extents_option("padding", options_.padding, 0),
                     option_text("ceil_mode", options_.ceil_mode, false),
                     option_text("count_include_pad", options_.count_include_pad, true),
                     divisor ? fmt::format(", divisor_override={}", *divisor) : "");
}

template <int SpatialAxes>
Tensor AvgPool<SpatialAxes>::forward(const Tensor& x, Pass&) const {
  constexpr auto pool = pick<SpatialAxes>(avg_pool1d, avg_pool2d, avg_pool3d);
  return pool(x, kernel_, options_, Location::current());
}

template <int SpatialAxes>
std::string AdaptiveAvgPool<SpatialAxes>::describe() const {
  return fmt::format("AdaptiveAvgPool{}d({})", SpatialAxes, extents_text(size_));
}

template <int SpatialAxes>
Tensor AdaptiveAvgPool<SpatialAxes>::forward(const Tensor& x, Pass&) const {
  constexpr auto pool =
      pick<SpatialAxes>(adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d);
  return pool(x, size_, Location::current());
}

Tensor GlobalAvgPool::forward(const Tensor& x, Pass&) const {
  if (x.rank() < 3) {
    throw Error(fmt::format("global_avg_pool: input {}; expected [N, C, ...]", x.shape().str()));
  }
  std::vector<std::int64_t> axes;
  for (std::int64_t axis = 2; axis < x.rank(); ++axis) axes.push_back(axis);
  return mean(x, axes);
}

template class MaxPool<1>;
template class MaxPool<2>;
template class MaxPool<3>;
template class AvgPool<1>;
template class AvgPool<2>;
template class AvgPool<3>;
template class AdaptiveAvgPool<1>;
template class AdaptiveAvgPool<2>;
template class AdaptiveAvgPool<3>;

}  // namespace ingrad
