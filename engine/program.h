// SPDX-License-Identifier: Apache-2.0
// A program as data: a list of op calls on numbered values. Tracing writes it, plans rewrite it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/op.h"

namespace ingrad {

struct ProgramCall {
  const OpDef* op;
  Attrs attrs;
  std::vector<int> inputs;   // value numbers
  std::vector<int> outputs;  // value numbers
  Location where;
};

// Values are inputs, constants, or outputs of one call; calls come after those whose outputs they
// use.
struct Program {
  std::vector<TensorSpec> specs;  // one per value
  std::vector<Tensor> constants;  // one per value; undefined for what is computed or given
  std::vector<ProgramCall> calls;
  std::vector<int> inputs;
  std::vector<int> outputs;

  const TensorSpec& spec(int value) const { return specs[static_cast<std::size_t>(value)]; }
  const Tensor& constant(int value) const { return constants[static_cast<std::size_t>(value)]; }
  bool is_constant(int value) const { return constant(value).defined(); }
  // A new value, computed or given unless `constant` is defined.
  int add_value(const TensorSpec& spec, Tensor constant = {});

  // Executes op by op; specs must equal those of the inputs.
  std::vector<Tensor> run(std::span<const Tensor> inputs,
                          Location where = Location::current()) const;
  // One line per call: "%5 f32[2, 3] = add(%1, %4)".
  std::string str() const;
};

}  // namespace ingrad
