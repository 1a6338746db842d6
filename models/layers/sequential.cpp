// SPDX-License-Identifier: Apache-2.0
#include "models/layers/sequential.h"

#include "models/layers/text.h"

namespace ingrad {

std::string Sequential::describe() const { return fmt::format("Sequential of {}", size()); }

Tensor Sequential::forward(const Tensor& x, Pass& pass) const {
  Tensor y = x;
  for (const Module* step : steps_) y = step->run(y, pass);
  return y;
}

}  // namespace ingrad
