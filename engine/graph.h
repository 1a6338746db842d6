// SPDX-License-Identifier: Apache-2.0
// Graph: a traced program, as a list of op calls on numbered values.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/builder.h"
#include "engine/op.h"

namespace ingrad {

struct GraphCall {
  const OpDef* op;
  Attrs attrs;
  std::vector<int> inputs;   // value numbers
  std::vector<int> outputs;  // value numbers
  Location where;
};

class Graph : public Builder, public std::enable_shared_from_this<Graph> {
 public:
  // A new input value; the returned tensor stands for it.
  Tensor add_input(const TensorSpec& spec);
  void set_outputs(std::span<const Tensor> outputs);

  std::vector<Tensor> emit(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                           std::span<const TensorSpec> outputs, Location where) override;

  const std::vector<GraphCall>& calls() const { return calls_; }
  const std::vector<int>& inputs() const { return inputs_; }
  const std::vector<int>& outputs() const { return outputs_; }
  const TensorSpec& spec(int value) const { return specs_[static_cast<std::size_t>(value)]; }
  // The tensor of a captured constant, undefined for computed values and inputs.
  const Tensor& constant(int value) const { return constants_[static_cast<std::size_t>(value)]; }

  // Executes the program op by op; specs must equal those of the inputs.
  std::vector<Tensor> run(std::span<const Tensor> inputs,
                          Location where = Location::current()) const;
  // One line per call: "%5 f32[2, 3] = add(%1, %4)".
  std::string str() const;

 private:
  int add_value(const TensorSpec& spec, Tensor constant = {});
  int number_of(const Tensor& t, Location where);
  Tensor handle(int value);

  std::vector<TensorSpec> specs_;
  std::vector<Tensor> constants_;
  std::vector<GraphCall> calls_;
  std::vector<int> inputs_;
  std::vector<int> outputs_;
};

// Runs `f` on stand-ins for inputs of the given specs and returns the program that it called.
// Tensors with data that `f` uses are captured as constants. Control flow of `f` that looks at
// values is an Error (there are none).
using GraphFn = std::function<std::vector<Tensor>(std::span<const Tensor>)>;
std::shared_ptr<Graph> trace(const GraphFn& f, std::span<const TensorSpec> specs,
                             Location where = Location::current());

}  // namespace ingrad
