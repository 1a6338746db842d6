// SPDX-License-Identifier: Apache-2.0
// Builder: what calling an op does. Derivative rules call ops and nothing else, so one
// implementation of every rule serves immediate execution and traced programs.
#pragma once

#include <span>
#include <vector>

#include "engine/op.h"

namespace ingrad {

class Builder {
 public:
  virtual ~Builder() = default;
  // One call of an op that has kernels or is to appear in the program; inputs are not recorded.
  virtual std::vector<Tensor> emit(const OpDef& op, const Attrs& attrs,
                                   std::span<const Tensor> inputs,
                                   std::span<const TensorSpec> outputs, Location where) = 0;
};

// Executes at once on the back end `cpu`.
Builder& eager_builder();

// Executes at once on the given back end: `reference` gives the oracle of the tests (f64 inputs).
std::vector<Tensor> evaluate(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                             Backend backend, Location where = Location::current());

}  // namespace ingrad
