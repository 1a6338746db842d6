// SPDX-License-Identifier: Apache-2.0
// What every optimiser is: parameter groups, per-parameter state that can be listed by name, saved
// and restored, and a step that overwrites the parameters' data in place.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/differentiate.h"
#include "engine/named_tensor.h"

namespace ingrad {

// Parameters that share a learning rate and a weight decay; unset means the optimiser's own.
struct ParameterGroup {
  NamedTensors parameters;
  std::optional<double> learning_rate = {};
  std::optional<double> weight_decay = {};
};

class Optimizer {
 public:
  // Evaluates the loss (one element) and its gradients, one per parameter in the order of
  // parameters(), at the parameters' present values.
  using Closure = std::function<ValueAndGrads()>;

  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // One step along `gradients`, one per parameter in the order of parameters(). Undefined: that
  // parameter and its state stay as they are. Error when number, shapes or dtypes differ.
  virtual void step(std::span<const Tensor> gradients, Location where = Location::current());
  // One step; returns the loss before it. All but L-BFGS evaluate the closure once.
  virtual double step(const Closure& closure, Location where = Location::current());

  // In the order of the groups.
  const NamedTensors& parameters() const { return parameters_; }

  int groups() const { return static_cast<int>(groups_.size()); }
  // At present, and at construction (what schedules scale).
  double learning_rate(int group = 0) const;
  double initial_learning_rate(int group = 0) const;
  void set_learning_rate(double rate, int group);
  // Momentum, or beta1 of the Adam family and Lion; Error for an optimiser that has neither.
  virtual void set_momentum(double momentum, Location where = Location::current());

  // Everything beside the parameters that the next steps depend on: handles to the live tensors
  // ("exp_avg.conv1.weight") and copies of numbers ("learning_rate.0", f64, rank 0).
  virtual NamedTensors state() const;
  // Overwrites it; Error names what is missing, unexpected or of another shape or dtype.
  virtual void load_state(std::span<const NamedTensor> state, Location where = Location::current());

  virtual std::string_view name() const = 0;

 protected:
  // A tensor of state per parameter: of the parameter's shape and dtype, or one f64 number.
  struct Slot {
    std::string_view name;
    double initial = 0;
    bool number = false;
  };
  // What one parameter's update sees.
  struct Update {
    Tensor parameter;
    Tensor gradient;             // contiguous
    std::span<const Tensor> state;  // in the order of the slots
    double learning_rate;
    double weight_decay;
    std::int64_t step;  // of this parameter, counting from 1

    std::int64_t size() const { return parameter.size(); }
    DType dtype() const { return parameter.dtype(); }
    template <class T>
    T* values() const {
      return parameter.mutable_data<T>();
    }
    template <class T>
    const T* grads() const {
      return gradient.data<T>();
    }
    template <class T>
    T* slot(std::size_t i) const {
      return state[i].mutable_data<T>();
    }
  };

  // `rate` and `decay` are the values of groups that set none. Error: parameters that are not f32
  // or f64, not contiguous or tracked; a name given twice; a negative rate or decay.
  Optimizer(std::span<const ParameterGroup> groups, double rate, double decay,
            std::vector<Slot> slots, Location where);

  virtual void update(const Update& update) = 0;

  double weight_decay(int group) const { return groups_[static_cast<std::size_t>(group)].decay; }
  // Error unless there is one gradient of the right shape and dtype (or none) for each parameter.
  void check_gradients(std::span<const Tensor> gradients, Location where) const;

 private:
  struct Group {
    double rate;
    double initial_rate;
    double decay;
  };
  struct Entry {
    std::size_t group;
    Tensor step;  // f64, rank 0
    std::vector<Tensor> slots;
  };
  const Group& group(int index) const;

  std::vector<Group> groups_;
  NamedTensors parameters_;
  std::vector<Entry> entries_;  // one per parameter
  std::vector<Slot> slots_;
};

// One group of all parameters.
inline std::vector<ParameterGroup> one_group(NamedTensors parameters) {
  return {{std::move(parameters)}};
}

}  // namespace ingrad
