// SPDX-License-Identifier: Apache-2.0
#include "engine/optim/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "engine/convert.h"

namespace ingrad {
namespace {

Tensor dense(const Tensor& t) {
  if (t.is_contiguous()) return t;
  const Tensor copy = Tensor::empty(t.shape(), t.dtype());
  copy_strided(t.raw(), t.strides(), copy.mutable_raw(), copy.strides(), t.shape(), t.dtype());
  return copy;
}

void check_parameter(const NamedTensor& p, Location where) {
  if (!p.tensor.defined() || !p.tensor.has_data()) {
    throw Error(fmt::format("optimizer: parameter {} has no data", p.name), where);
  }
  if (p.tensor.dtype() != DType::f32 && p.tensor.dtype() != DType::f64) {
    throw Error(fmt::format("optimizer: parameter {} is {}, expected f32 or f64", p.name,
                            name_of(p.tensor.dtype())),
                where);
  }
  if (!p.tensor.is_contiguous()) {
    throw Error(fmt::format("optimizer: parameter {} is a strided view", p.name), where);
  }
  if (p.tensor.is_tracked()) {
    throw Error(fmt::format("optimizer: parameter {} is tracked; give its detached tensor", p.name),
                where);
  }
}

}  // namespace

Optimizer::Optimizer(std::span<const ParameterGroup> groups, double rate, double decay,
                     std::vector<Slot> slots, Location where)
    : slots_(std::move(slots)) {
  std::unordered_set<std::string_view> seen;
  for (const ParameterGroup& g : groups) {
    const double own_rate = g.learning_rate.value_or(rate);
    const double own_decay = g.weight_decay.value_or(decay);
    if (!(own_rate >= 0)) {
      throw Error(fmt::format("optimizer: learning rate {} is not >= 0", own_rate), where);
    }
    if (!(own_decay >= 0)) {
      throw Error(fmt::format("optimizer: weight decay {} is not >= 0", own_decay), where);
    }
    for (const NamedTensor& p : g.parameters) {
      check_parameter(p, where);
      if (!seen.insert(p.name).second) {
        throw Error(fmt::format("optimizer: parameter {} given twice", p.name), where);
      }
      Entry entry{groups_.size(), Tensor::scalar(0, DType::f64), {}};
      for (const Slot& slot : slots_) {
        entry.slots.push_back(slot.number
                                  ? Tensor::scalar(slot.initial, DType::f64)
                                  : Tensor::full(p.tensor.shape(), slot.initial, p.tensor.dtype()));
      }
      parameters_.push_back(p);
      entries_.push_back(std::move(entry));
    }
    groups_.push_back({own_rate, own_rate, own_decay});
  }
  if (parameters_.empty()) throw Error("optimizer: there are no parameters", where);
}

void Optimizer::check_gradients(std::span<const Tensor> gradients, Location where) const {
  if (gradients.size() != parameters_.size()) {
    throw Error(fmt::format("{}: {} gradients for {} parameters", name(), gradients.size(),
                            parameters_.size()),
                where);
  }
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const TensorSpec& want = parameters_[i].tensor.spec();
    if (gradients[i].shape() != want.shape || gradients[i].dtype() != want.dtype) {
      throw Error(fmt::format("{}: gradient of {} is {} {}, expected {} {}", name(),
                              parameters_[i].name, name_of(gradients[i].dtype()),
                              gradients[i].shape().str(), name_of(want.dtype), want.shape.str()),
                  where);
    }
  }
}

void Optimizer::step(std::span<const Tensor> gradients, Location where) {
  check_gradients(gradients, where);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const Entry& entry = entries_[i];
    double& count = *entry.step.mutable_data<double>();
    count += 1;
    const Group& g = groups_[entry.group];
    update({parameters_[i].tensor, dense(gradients[i]), entry.slots, g.rate, g.decay,
            static_cast<std::int64_t>(count)});
  }
}

double Optimizer::step(const Closure& closure, Location where) {
  const ValueAndGrads now = closure();
  const double loss = now.value.item(where);
  step(now.grads, where);
  return loss;
}

const Optimizer::Group& Optimizer::group(int index) const {
  if (index < 0 || index >= groups()) {
    throw Error(fmt::format("{}: no parameter group {}, there are {}", name(), index, groups()));
  }
  return groups_[static_cast<std::size_t>(index)];
}

double Optimizer::learning_rate(int index) const { return group(index).rate; }
double Optimizer::initial_learning_rate(int index) const { return group(index).initial_rate; }
void Optimizer::set_learning_rate(double rate, int index) {
  const_cast<Group&>(group(index)).rate = rate;
}

void Optimizer::set_momentum(double, Location where) {
  throw Error(fmt::format("{}: has no momentum to set", name()), where);
}

NamedTensors Optimizer::state() const {
  NamedTensors all;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    all.push_back({fmt::format("learning_rate.{}", g), Tensor::scalar(groups_[g].rate, DType::f64)});
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    all.push_back({"step." + parameters_[i].name, entries_[i].step});
    for (std::size_t s = 0; s < slots_.size(); ++s) {
      all.push_back({fmt::format("{}.{}", slots_[s].name, parameters_[i].name), entries_[i].slots[s]});
    }
  }
  return all;
}

void Optimizer::load_state(std::span<const NamedTensor> given, Location where) {
  const NamedTensors own = state();
  std::unordered_map<std::string_view, const Tensor*> by_name;
  for (const NamedTensor& g : given) by_name[g.name] = &g.tensor;
  // All checks come first: a refused state changes nothing.
  for (const NamedTensor& o : own) {
    const auto found = by_name.find(o.name);
    if (found == by_name.end()) {
      throw Error(fmt::format("{}: state lacks {}", name(), o.name), where);
    }
    const Tensor& t = *found->second;
    if (t.shape() != o.tensor.shape() || t.dtype() != o.tensor.dtype()) {
      throw Error(fmt::format("{}: state {} is {} {}, expected {} {}", name(), o.name,
                              name_of(t.dtype()), t.shape().str(), name_of(o.tensor.dtype()),
                              o.tensor.shape().str()),
                  where);
    }
  }
  if (by_name.size() != own.size()) {
    for (const NamedTensor& o : own) by_name.erase(o.name);
    throw Error(fmt::format("{}: state has the unexpected {}", name(), by_name.begin()->first),
                where);
  }
  for (const NamedTensor& o : own) o.tensor.assign(*by_name.at(o.name), where);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    groups_[g].rate = by_name.at(fmt::format("learning_rate.{}", g))->item(where);
  }
}

}  // namespace ingrad
