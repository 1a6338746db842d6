// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/module.h"

namespace ingrad {

// In training, elements of x [N, ...] are zero with probability p, the others divided by 1 - p (see
// dropout); in evaluation, x. Error: p outside [0, 1].
class Dropout : public Module {
 public:
  explicit Dropout(double p = 0.5, Location where = Location::current());
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  double p_;
};

}  // namespace ingrad
