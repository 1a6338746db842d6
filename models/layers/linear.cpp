// SPDX-License-Identifier: Apache-2.0
#include "models/layers/linear.h"

#include "engine/ops/matmul.h"
#include "models/layers/text.h"

namespace ingrad {

Linear::Linear(std::int64_t in, std::int64_t out, const LinearOptions& o, Location where) {
  if (in < 1 || out < 1) {
    throw Error(
        fmt::format("Linear: {} inputs and {} outputs; expected at least one of each", in, out),
        where);
  }
  const Shape shape({out, in}, where);
  weight_ = add_parameter("weight", shape, o.dtype,
                          o.initial_weight ? o.initial_weight : init::default_weight(), where);
  if (!o.bias) return;
  bias_ = add_parameter("bias", {out}, o.dtype,
                        o.initial_bias ? o.initial_bias : init::default_bias(shape), where);
}

std::string Linear::describe() const {
  return fmt::format("Linear({}, {}{}{})", weight_.dim(1), weight_.dim(0),
                     option_text("bias", bias_.defined(), true), dtype_option(weight_.dtype()));
}

Tensor Linear::forward(const Tensor& x, Pass& pass) const {
  return linear(x, pass(weight_), pass(bias_));
}

}  // namespace ingrad
