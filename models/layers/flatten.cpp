// SPDX-License-Identifier: Apache-2.0
#include "models/layers/flatten.h"

#include "engine/ops/shape.h"
#include "models/layers/text.h"

namespace ingrad {

std::string Flatten::describe() const { return fmt::format("Flatten({}, {})", first_, last_); }

Tensor Flatten::forward(const Tensor& x, Pass&) const { return flatten(x, first_, last_); }

}  // namespace ingrad
