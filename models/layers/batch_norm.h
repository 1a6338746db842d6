// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/module.h"

namespace ingrad {

struct BatchNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1;                 // the share of the new batch in the running statistics
  bool affine = true;                    // has weight, and bias (initially 0)
  bool track_running_statistics = true;  // else evaluation takes those of the batch, too
  DType dtype = DType::f32;
  double initial_weight = 1;
};

// x [N, channels, ...] of any rank from 2, normalised per channel: in training by the statistics of
// the batch, which also move the buffers running_mean and running_var (Pass::apply_updates); in
// evaluation by these.
class BatchNorm : public Module {
 public:
  explicit BatchNorm(std::int64_t channels, const BatchNormOptions& options = {},
                     Location where = Location::current());
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  BatchNormOptions options_;
  std::int64_t channels_;
  Tensor weight_, bias_, mean_, variance_;
};

}  // namespace ingrad
