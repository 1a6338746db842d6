// SPDX-License-Identifier: Apache-2.0
#include "engine/graph.h"

#include <fmt/format.h>

namespace ingrad {

int Graph::add_value(const TensorSpec& spec, Tensor constant) {
  specs_.push_back(spec);
  constants_.push_back(std::move(constant));
  return static_cast<int>(specs_.size()) - 1;
}

Tensor Graph::handle(int value) {
  auto impl = std::make_shared<TensorImpl>();
  impl->spec = spec(value);
  impl->strides = contiguous_strides(impl->spec.shape);
  impl->graph = shared_from_this();
  impl->value = value;
  return Tensor(std::move(impl));
}

Tensor Graph::add_input(const TensorSpec& spec) {
  inputs_.push_back(add_value(spec));
  return handle(inputs_.back());
}

int Graph::number_of(const Tensor& t, Location where) {
  if (t.impl().graph.get() == this) return t.impl().value;
  if (t.impl().graph != nullptr) {
    throw Error("trace: a value of one traced program is used in another", where);
  }
  for (std::size_t i = 0; i < constants_.size(); ++i) {
    if (constants_[i].defined() && constants_[i].same_as(t)) return static_cast<int>(i);
  }
  return add_value(t.spec(), t);
}

void Graph::set_outputs(std::span<const Tensor> outputs) {
  outputs_.clear();
  for (const Tensor& t : outputs) outputs_.push_back(number_of(t.detach(), Location::current()));
}

std::vector<Tensor> Graph::emit(const OpDef& op, const Attrs& attrs,
                                std::span<const Tensor> inputs,
                                std::span<const TensorSpec> outputs, Location where) {
  GraphCall call{&op, attrs, {}, {}, where};
  for (const Tensor& t : inputs) call.inputs.push_back(number_of(t, where));
  std::vector<Tensor> results;
  for (const TensorSpec& s : outputs) {
    call.outputs.push_back(add_value(s));
    results.push_back(handle(call.outputs.back()));
  }
  calls_.push_back(std::move(call));
  return results;
}

std::vector<Tensor> Graph::run(std::span<const Tensor> inputs, Location where) const {
  if (inputs.size() != inputs_.size()) {
    throw Error(fmt::format("run: {} inputs given, the program has {}", inputs.size(),
                            inputs_.size()),
                where);
  }
  std::vector<Tensor> values = constants_;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorSpec& wanted = spec(inputs_[i]);
    if (inputs[i].spec() != wanted) {
      throw Error(fmt::format("run: input {} is {}, the program was traced for {}", i,
                              inputs[i].spec().str(), wanted.str()),
                  where);
    }
    values[static_cast<std::size_t>(inputs_[i])] = inputs[i];
  }
  for (const GraphCall& call : calls_) {
    std::vector<Tensor> arguments;
    for (const int v : call.inputs) arguments.push_back(values[static_cast<std::size_t>(v)]);
    const std::vector<Tensor> results = apply(*call.op, call.attrs, arguments, call.where);
    for (std::size_t i = 0; i < results.size(); ++i) {
      values[static_cast<std::size_t>(call.outputs[i])] = results[i];
    }
  }
  std::vector<Tensor> out;
  for (const int v : outputs_) out.push_back(values[static_cast<std::size_t>(v)]);
  return out;
}

std::string Graph::str() const {
  std::string out;
  for (const int v : inputs_) out += fmt::format("%{} {} = input\n", v, spec(v).str());
  for (std::size_t v = 0; v < constants_.size(); ++v) {
    if (constants_[v].defined()) out += fmt::format("%{} {} = constant\n", v, specs_[v].str());
  }
  for (const GraphCall& call : calls_) {
    std::string left, right;
    for (const int v : call.outputs) {
      left += fmt::format("{}%{} {}", left.empty() ? "" : ", ", v, spec(v).str());
    }
    for (const int v : call.inputs) right += fmt::format("{}%{}", right.empty() ? "" : ", ", v);
    out += fmt::format("{} = {}({}{}{})\n", left, call.op->name, right,
                       call.attrs.items().empty() ? "" : "; ", call.attrs.str());
  }
  out += "return";
  for (const int v : outputs_) out += fmt::format(" %{}", v);
  return out + "\n";
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
