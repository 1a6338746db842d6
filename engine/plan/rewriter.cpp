// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/rewriter.h"

#include <numeric>

namespace ingrad {

ValueUses::ValueUses(const Program& program)
    : producer_(program.specs.size(), -1),
      readers_(program.specs.size(), 0),
      reader_(program.specs.size(), -1) {
  for (std::size_t c = 0; c < program.calls.size(); ++c) {
    for (const int v : program.calls[c].outputs) {
      producer_[static_cast<std::size_t>(v)] = static_cast<int>(c);
    }
    for (const int v : program.calls[c].inputs) {
      ++readers_[static_cast<std::size_t>(v)];
      reader_[static_cast<std::size_t>(v)] = static_cast<int>(c);
    }
  }
  for (const int v : program.outputs) {
    ++readers_[static_cast<std::size_t>(v)];
    reader_[static_cast<std::size_t>(v)] = -1;
  }
}

int ValueUses::only_reader(int value) const {
  return readers(value) == 1 ? reader_[static_cast<std::size_t>(value)] : -1;
}

Rewriter::Rewriter(const Program& from) : from_(from), map_(from.specs.size()) {
  to_.specs = from.specs;
  to_.constants = from.constants;
  to_.inputs = from.inputs;
  std::iota(map_.begin(), map_.end(), 0);
}

void Rewriter::keep(const ProgramCall& call) {
  std::vector<int> inputs;
  for (const int v : call.inputs) inputs.push_back(now(v));
  keep_as(call, *call.op, call.attrs, std::move(inputs));
}

void Rewriter::keep_as(const ProgramCall& call, const OpDef& op, Attrs attrs,
                       std::vector<int> inputs) {
  to_.calls.push_back({&op, std::move(attrs), std::move(inputs), call.outputs, call.where});
}

std::vector<int> Rewriter::emit(const OpDef& op, const Attrs& attrs, std::vector<int> inputs,
                                Location where) {
  std::vector<TensorSpec> specs;
  for (const int v : inputs) specs.push_back(to_.spec(v));
  std::vector<int> outputs;
  for (const TensorSpec& s : op.infer(attrs, specs, where)) outputs.push_back(to_.add_value(s));
  to_.calls.push_back({&op, attrs, std::move(inputs), outputs, where});
  return outputs;
}

Program Rewriter::finish() {
  for (const int v : from_.outputs) to_.outputs.push_back(now(v));
  return std::move(to_);
}

}  // namespace ingrad
