// SPDX-License-Identifier: Apache-2.0
// Pooling over spatial axes; see engine/ops/pool.h.
#pragma once

#include "engine/int_list.h"
#include "engine/ops/pool.h"
#include "models/module.h"

namespace ingrad {

// `kernel`: one entry per spatial axis, or one for all.
template <int SpatialAxes>
class MaxPool : public Module {
 public:
  explicit MaxPool(IntList kernel, const MaxPoolOptions& options = {})
      : kernel_(kernel.vector()), options_(options) {}
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  std::vector<std::int64_t> kernel_;
  MaxPoolOptions options_;
};

template <int SpatialAxes>
class AvgPool : public Module {
 public:
  explicit AvgPool(IntList kernel, const AvgPoolOptions& options = {})
      : kernel_(kernel.vector()), options_(options) {}
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  std::vector<std::int64_t> kernel_;
  AvgPoolOptions options_;
};

// `size`: the extents of the result; -1 keeps one.
template <int SpatialAxes>
class AdaptiveAvgPool : public Module {
 public:
  explicit AdaptiveAvgPool(IntList size) : size_(size.vector()) {}
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  std::vector<std::int64_t> size_;
};

// [N, C, spatial...] to the means [N, C].
class GlobalAvgPool : public Module {
 public:
  std::string describe() const override { return "GlobalAvgPool"; }

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
};

using MaxPool1d = MaxPool<1>;
using MaxPool2d = MaxPool<2>;
using MaxPool3d = MaxPool<3>;
using AvgPool1d = AvgPool<1>;
using AvgPool2d = AvgPool<2>;
using AvgPool3d = AvgPool<3>;
using AdaptiveAvgPool1d = AdaptiveAvgPool<1>;
using AdaptiveAvgPool2d = AdaptiveAvgPool<2>;
using AdaptiveAvgPool3d = AdaptiveAvgPool<3>;
extern template class MaxPool<1>;
extern template class MaxPool<2>;
extern template class MaxPool<3>;
extern template class AvgPool<1>;
extern template class AvgPool<2>;
extern template class AvgPool<3>;
extern template class AdaptiveAvgPool<1>;
extern template class AdaptiveAvgPool<2>;
extern template class AdaptiveAvgPool<3>;

}  // namespace ingrad
