// SPDX-License-Identifier: Apache-2.0
#include "models/module.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <unordered_set>

#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"

namespace ingrad {

namespace {

// An error that already says in which module it happened.
class ErrorInModule : public Error {
 public:
  using Error::Error;
};

}  // namespace

Tensor Module::run(const Tensor& x, Pass& pass, Location where) const {
  try {
    const DeviceScope scope(x.device(), where);
    const Tensor y = forward(x, pass);
    return pass.taps && parent_ != nullptr ? tap(y, path()) : y;
  } catch (const ErrorInModule& e) {
    if (parent_ != nullptr) throw;
    throw Error(e.message(), where);  // the line of the user, not of a layer
  } catch (const Error& e) {
    if (parent_ == nullptr) throw Error(fmt::format("{}: {}", describe(), e.message()), where);
    throw ErrorInModule(fmt::format("{}: {}: {}", path(), describe(), e.message()), where);
  }
}

Tensor Module::operator()(const Tensor& x, Location where) const {
  Pass pass;
  return run(x, pass, where);
}

// ---- structure --------------------------------------------------------------------------------

void Module::adopt(std::string name, std::unique_ptr<Module> child) {
  child->parent_ = this;
  child->name_ = name;
  children_.push_back({std::move(name), std::move(child)});
}

Tensor Module::add_parameter(std::string name, const Shape& shape, DType dtype, Initializer initial,
                             Location where) {
  if (dtype != DType::f32 && dtype != DType::f64) {
    throw Error(fmt::format("parameter {}: dtype {}; expected f32 or f64", name, name_of(dtype)),
                where);
  }
  Parameter p{std::move(name), Tensor::zeros(shape, dtype, where), std::move(initial)};
  return parameters_.emplace_back(std::move(p)).tensor;
}

Tensor Module::add_buffer(std::string name, const Shape& shape, double value, DType dtype) {
  Buffer b{std::move(name), Tensor::full(shape, value, dtype), value};
  return buffers_.emplace_back(std::move(b)).tensor;
}

void Module::share_parameter(std::string name, const Tensor& parameter) {
  parameters_.push_back({std::move(name), parameter, {}});
}

// Calls visitor(prefix, module), parents first; `prefix` is empty or ends in ".".
template <class Visit>
void Module::visit(const std::string& prefix, const Visit& visitor) const {
  visitor(prefix, *this);
  for (const Child& c : children_) c.module->visit(prefix + c.name + ".", visitor);
}

std::vector<std::pair<std::string, const Module*>> Module::modules() const {
  std::vector<std::pair<std::string, const Module*>> all;
  visit("", [&](const std::string& prefix, const Module& m) {
    all.emplace_back(prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1), &m);
  });
  return all;
}

std::string Module::path() const {
  if (parent_ == nullptr) return "";
  const std::string above = parent_->path();
  return above.empty() ? name_ : above + "." + name_;
}

// ---- parameters and buffers -------------------------------------------------------------------

NamedTensors Module::parameters() const {
  NamedTensors all;
  std::unordered_set<const TensorImpl*> seen;
  visit("", [&](const std::string& prefix, const Module& m) {
    for (const auto& [name, tensor, initial] : m.parameters_) {
      if (seen.insert(&tensor.impl()).second) all.push_back({prefix + name, tensor});
    }
  });
  return all;
}

NamedTensors Module::buffers() const {
  NamedTensors all;
  visit("", [&](const std::string& prefix, const Module& m) {
    for (const auto& b : m.buffers_) all.push_back({prefix + b.name, b.tensor});
  });
  return all;
}

NamedTensors Module::state() const {
  NamedTensors all;
  visit("", [&](const std::string& prefix, const Module& m) {
    for (const auto& p : m.parameters_) all.push_back({prefix + p.name, p.tensor});
    for (const auto& b : m.buffers_) all.push_back({prefix + b.name, b.tensor});
  });
  return all;
}

void Module::to(Device device, Location where) {
  for (const auto& t : state()) t.tensor.relocate(device, where);
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& p : parameters()) count += p.tensor.size();
  return count;
}

namespace {

// The first few, and how many more there are.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  if (names.size() <= kShown) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kShown, ", "),
                     names.size() - kShown);
}

bool counts_batches(std::string_view name) {
  constexpr std::string_view kCounter = "num_batches_tracked";
  return name == kCounter || name.ends_with(fmt::format(".{}", kCounter));
}

}  // namespace

void Module::load_state(std::span<const NamedTensor> given, Location where) {
  std::map<std::string, const Tensor*> by_name;
  for (const auto& [name, tensor] : given) {
    if (!counts_batches(name)) by_name[name] = &tensor;
  }
  const NamedTensors own = state();
  std::vector<std::string> missing, unexpected, unfit;
  for (const auto& [name, tensor] : own) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      missing.push_back(name);
    } else if (found->second->shape() != tensor.shape()) {
      unfit.push_back(fmt::format("{} is {}, not {}", name, found->second->shape().str(),
                                  tensor.shape().str()));
    }
  }
  std::unordered_set<std::string> known;
  for (const auto& entry : own) known.insert(entry.name);
  for (const auto& [name, tensor] : by_name) {
    if (!known.contains(name)) unexpected.push_back(name);
  }
  std::vector<std::string> complaints;
  if (!missing.empty()) complaints.push_back("missing: " + listed(missing));
  if (!unexpected.empty()) complaints.push_back("unexpected: " + listed(unexpected));
  if (!unfit.empty()) complaints.push_back("of another shape: " + listed(unfit));
  if (!complaints.empty()) {
    throw Error(fmt::format("load_state: the weights do not fit {}; {}", describe(),
                            fmt::join(complaints, "; ")),
                where);
  }
  for (const auto& [name, tensor] : own) {
    tensor.assign(cast(by_name[name]->detach(), tensor.dtype()), where);
  }
}

// ---- initial values ---------------------------------------------------------------------------

void Module::initialize(std::uint64_t seed) {
  visit("", [seed](const std::string& prefix, const Module& m) {
    for (const auto& [name, tensor, initial] : m.parameters_) {
      if (!initial) continue;
      const RandomKey key{seed, stream_of(prefix + name), 0, 0};
      tensor.assign(initial(tensor.shape(), key, tensor.dtype()));
    }
    for (const auto& [name, tensor, initial] : m.buffers_) {
      tensor.assign(Tensor::full(tensor.shape(), initial, tensor.dtype()));
    }
  });
}

std::function<Tensor(const Tensor&)> as_function(const Module& model,
                                                 const FunctionOptions& options) {
  return [&model, options](const Tensor& x) {
    Pass pass;
    pass.taps = true;
    pass.attention_weights = options.attention_weights;
    return model.run(x, pass);
  };
}

}  // namespace ingrad
