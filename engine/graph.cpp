// SPDX-License-Identifier: Apache-2.0
#include "engine/graph.h"

namespace ingrad {

Tensor Graph::handle(int value) {
  auto impl = std::make_shared<TensorImpl>();
  impl->spec = spec(value);
  impl->strides = contiguous_strides(impl->spec.shape);
  impl->graph = shared_from_this();
  impl->value = value;
  return Tensor(std::move(impl));
}

Tensor Graph::add_input(const TensorSpec& spec) {
  program_.inputs.push_back(program_.add_value(spec));
  return handle(program_.inputs.back());
}

int Graph::number_of(const Tensor& t, Location where) {
  if (t.impl().graph.get() == this) return t.impl().value;
  if (t.impl().graph != nullptr) {
    throw Error("trace: a value of one traced program is used in another", where);
  }
  const std::vector<Tensor>& constants = program_.constants;
  for (std::size_t i = 0; i < constants.size(); ++i) {
    if (constants[i].defined() && constants[i].same_as(t)) return static_cast<int>(i);
  }
  return program_.add_value(t.spec(), t);
}

void Graph::set_outputs(std::span<const Tensor> outputs) {
  program_.outputs.clear();
  for (const Tensor& t : outputs) {
    program_.outputs.push_back(number_of(t.detach(), Location::current()));
  }
}

std::vector<Tensor> Graph::emit(const OpDef& op, const Attrs& attrs,
                                std::span<const Tensor> inputs,
                                std::span<const TensorSpec> outputs, Location where) {
  ProgramCall call{&op, attrs, {}, {}, where};
  for (const Tensor& t : inputs) call.inputs.push_back(number_of(t, where));
  std::vector<Tensor> results;
  for (const TensorSpec& s : outputs) {
    call.outputs.push_back(program_.add_value(s));
    results.push_back(handle(call.outputs.back()));
  }
  program_.calls.push_back(std::move(call));
  return results;
}

std::shared_ptr<Graph> trace(const GraphFn& f, std::span<const TensorSpec> specs, Location where) {
  auto graph = std::make_shared<Graph>();
  std::vector<Tensor> inputs;
  for (const TensorSpec& s : specs) inputs.push_back(graph->add_input(s));
  const std::vector<Tensor> outputs = f(inputs);
  for (const Tensor& t : outputs) {
    if (!t.defined()) throw Error("trace: an output is undefined", where);
  }
  graph->set_outputs(outputs);
  return graph;
}

}  // namespace ingrad
