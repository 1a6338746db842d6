// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/module.h"

namespace ingrad {

struct LinearOptions {
  bool bias = true;
  DType dtype = DType::f32;
  Initializer initial_weight = {};  // default: init::default_weight, as in PyTorch
  Initializer initial_bias = {};    // default: init::default_bias
};

// x [..., in] to x weight^T + bias [..., out]. Parameters: weight [out, in], bias [out].
class Linear : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, const LinearOptions& options = {},
         Location where = Location::current());
  std::string describe() const override;

  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  // undefined without one

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  Tensor weight_, bias_;
};

}  // namespace ingrad
