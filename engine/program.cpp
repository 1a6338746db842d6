// SPDX-License-Identifier: Apache-2.0
#include "engine/program.h"

#include <fmt/format.h>

namespace ingrad {

int Program::add_value(const TensorSpec& spec, Tensor constant) {
  specs.push_back(spec);
  constants.push_back(std::move(constant));
  return static_cast<int>(specs.size()) - 1;
}

std::vector<Tensor> Program::run(std::span<const Tensor> given, Location where) const {
  if (given.size() != inputs.size()) {
    throw Error(
        fmt::format("run: {} inputs given, the program has {}", given.size(), inputs.size()),
        where);
  }
  std::vector<Tensor> values = constants;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const TensorSpec& wanted = spec(inputs[i]);
    if (given[i].spec() != wanted) {
      throw Error(fmt::format("run: input {} is {}, the program was traced for {}", i,
                              given[i].spec().str(), wanted.str()),
                  where);
    }
    values[static_cast<std::size_t>(inputs[i])] = given[i];
  }
  for (const ProgramCall& call : calls) {
    std::vector<Tensor> arguments;
    for (const int v : call.inputs) arguments.push_back(values[static_cast<std::size_t>(v)]);
    const std::vector<Tensor> results = apply(*call.op, call.attrs, arguments, call.where);
    for (std::size_t i = 0; i < results.size(); ++i) {
      values[static_cast<std::size_t>(call.outputs[i])] = results[i];
    }
  }
  std::vector<Tensor> out;
  for (const int v : outputs) out.push_back(values[static_cast<std::size_t>(v)]);
  return out;
}

std::string Program::str() const {
  std::string out;
  for (const int v : inputs) out += fmt::format("%{} {} = input\n", v, spec(v).str());
  for (std::size_t v = 0; v < constants.size(); ++v) {
    if (constants[v].defined()) out += fmt::format("%{} {} = constant\n", v, specs[v].str());
  }
  for (const ProgramCall& call : calls) {
    std::string left, right;
    for (const int v : call.outputs) {
      left += fmt::format("{}%{} {}", left.empty() ? "" : ", ", v, spec(v).str());
    }
    for (const int v : call.inputs) right += fmt::format("{}%{}", right.empty() ? "" : ", ", v);
    out += fmt::format("{} = {}({}{}{})\n", left, call.op->name, right,
                       call.attrs.items().empty() ? "" : "; ", call.attrs.str());
  }
  out += "return";
  for (const int v : outputs) out += fmt::format(" %{}", v);
  return out + "\n";
}

}  // namespace ingrad
