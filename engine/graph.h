// SPDX-License-Identifier: Apache-2.0
// Graph: what writes down a program while the functions that it consists of are called.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/builder.h"
#include "engine/program.h"

namespace ingrad {

class Graph : public Builder, public std::enable_shared_from_this<Graph> {
 public:
  // A new input value; the returned tensor stands for it.
  Tensor add_input(const TensorSpec& spec);
  void set_outputs(std::span<const Tensor> outputs);

  std::vector<Tensor> emit(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                           std::span<const TensorSpec> outputs, Location where) override;

  const Program& program() const { return program_; }
  const std::vector<ProgramCall>& calls() const { return program_.calls; }
  const std::vector<int>& inputs() const { return program_.inputs; }
  const std::vector<int>& outputs() const { return program_.outputs; }
  const TensorSpec& spec(int value) const { return program_.spec(value); }
  // The tensor of a captured constant, undefined for computed values and inputs.
  const Tensor& constant(int value) const { return program_.constant(value); }

  // As Program::run and Program::str.
  std::vector<Tensor> run(std::span<const Tensor> inputs,
                          Location where = Location::current()) const {
    return program_.run(inputs, where);
  }
  std::string str() const { return program_.str(); }

 private:
  int number_of(const Tensor& t, Location where);
  Tensor handle(int value);

  Program program_;
};

// Runs `f` on stand-ins for inputs of the given specs and returns the program that it called.
// Tensors with data that `f` uses are captured as constants. Control flow of `f` that looks at
// values is an Error (there are none).
using GraphFn = std::function<std::vector<Tensor>(std::span<const Tensor>)>;
std::shared_ptr<Graph> trace(const GraphFn& f, std::span<const TensorSpec> specs,
                             Location where = Location::current());

}  // namespace ingrad
