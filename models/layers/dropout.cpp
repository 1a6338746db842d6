// SPDX-License-Identifier: Apache-2.0
#include "models/layers/dropout.h"

#include "engine/ops/random.h"
#include "models/layers/text.h"

namespace ingrad {

Dropout::Dropout(double p, Location where) : p_(p) {
  if (!(p >= 0 && p <= 1)) {
    throw Error(fmt::format("Dropout: p is {}; expected a value in [0, 1]", p), where);
  }
}

std::string Dropout::describe() const { return fmt::format("Dropout({})", p_); }

Tensor Dropout::forward(const Tensor& x, Pass& pass) const {
  if (!pass.training() || p_ == 0) return x;
  if (p_ == 1) return Tensor::zeros(x.shape(), x.dtype());
  return dropout(x, p_, pass.random(path()));
}

}  // namespace ingrad
