// SPDX-License-Identifier: Apache-2.0
// Normalisation over the channels of each sample: GroupNorm and InstanceNorm.
#pragma once

#include "models/module.h"

namespace ingrad {

struct GroupNormOptions {
  double epsilon = 1e-5;
  bool affine = true;  // has weight (initially 1) and bias (initially 0) [channels]
  DType dtype = DType::f32;
};

// x [N, channels, ...]; see group_norm. Error unless `channels` is a multiple of `groups`.
class GroupNorm : public Module {
 public:
  GroupNorm(std::int64_t groups, std::int64_t channels, const GroupNormOptions& options = {},
            Location where = Location::current());
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  std::int64_t groups_, channels_;
  GroupNormOptions options_;
  Tensor weight_, bias_;
};

struct InstanceNormOptions {
  double epsilon = 1e-5;
  bool affine = false;  // has weight (initially 1) and bias (initially 0) [channels]
  DType dtype = DType::f32;
};

// x [N, channels, ...] by the statistics of each sample, in training and evaluation; see
// instance_norm.
class InstanceNorm : public Module {
 public:
  explicit InstanceNorm(std::int64_t channels, const InstanceNormOptions& options = {},
                        Location where = Location::current());
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  std::int64_t channels_;
  InstanceNormOptions options_;
  Tensor weight_, bias_;
};

}  // namespace ingrad
