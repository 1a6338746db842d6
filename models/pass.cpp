// SPDX-License-Identifier: Apache-2.0
#include "models/pass.h"

#include <fmt/format.h>

namespace ingrad {

void Pass::substitute(std::span<const NamedTensor> parameters, std::span<const Tensor> stand_ins,
                      Location where) {
  if (parameters.size() != stand_ins.size()) {
    throw Error(fmt::format("substitute: {} stand-ins for {} parameters", stand_ins.size(),
                            parameters.size()),
                where);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, parameter] = parameters[i];
    const Tensor& stand_in = stand_ins[i];
    if (!stand_in.defined() || stand_in.spec() != parameter.spec()) {
      throw Error(fmt::format("substitute: {} is {}, not {}", name,
                              stand_in.defined() ? stand_in.spec().str() : "undefined",
                              parameter.spec().str()),
                  where);
    }
    stand_ins_.insert_or_assign(&parameter.impl(), stand_in);
  }
}

const Tensor& Pass::operator()(const Tensor& parameter) const {
  if (stand_ins_.empty() || !parameter.defined()) return parameter;
  const auto found = stand_ins_.find(&parameter.impl());
  return found == stand_ins_.end() ? parameter : found->second;
}

RandomKey Pass::random(std::string_view module_path) {
  drew_ = true;
  return {seed_, stream_of(module_path), first_row, step_};
}

void Pass::apply_updates(Location where) {
  for (const auto& [buffer, value] : updates_) buffer.assign(value, where);
  updates_.clear();
}

}  // namespace ingrad
