// SPDX-License-Identifier: Apache-2.0
// Module: a function with named parameters and buffers, made of other modules. Names and their
// order are those of PyTorch's state dicts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/named_tensor.h"
#include "engine/tensor.h"
#include "models/initializers.h"
#include "models/pass.h"

namespace ingrad {

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // Runs the module. Row r of the output belongs to row r of x. Errors of the ops within name the
  // module where they happened.
  Tensor run(const Tensor& x, Pass& pass, Location where = Location::current()) const;
  // In evaluation mode.
  Tensor operator()(const Tensor& x, Location where = Location::current()) const;

  // ---- parameters and buffers, by path ("layer1.0.conv1.weight") ----
  // Handles to the live tensors: `assign` on them changes the module. A parameter that is used in
  // two places is listed once.
  NamedTensors parameters() const;
  NamedTensors buffers() const;
  // Both, in the order of PyTorch's state dict.
  NamedTensors state() const;
  // Overwrites them (dtypes are converted). Error names what is missing, unexpected or of another
  // shape, and leaves everything as it was. PyTorch's counter "num_batches_tracked" is ignored.
  void load_state(std::span<const NamedTensor> state, Location where = Location::current());
  std::int64_t parameter_count() const;
  // Moves all of them to a device.
  void to(Device device, Location where = Location::current());

  // ---- structure ----
  // This module and all below it, parents first, with their paths ("" for this one).
  std::vector<std::pair<std::string, const Module*>> modules() const;
  // The path from the root of the tree.
  std::string path() const;
  // What it is, with its settings: "Conv2d(3, 64, kernel=7, stride=2, padding=3)".
  virtual std::string describe() const = 0;

  // Sets all parameters and buffers to their initial values; before, parameters are zero. Values
  // depend on (seed, path of the parameter) alone.
  void initialize(std::uint64_t seed);

 protected:
  virtual Tensor forward(const Tensor& x, Pass& pass) const = 0;

  // For constructors. The tensors are allocated here and stay the same objects for good. Error when
  // the dtype of a parameter is neither f32 nor f64.
  Tensor add_parameter(std::string name, const Shape& shape, DType dtype, Initializer initial,
                       Location where = Location::current());
  Tensor add_buffer(std::string name, const Shape& shape, double value, DType dtype);
  // Uses the parameter of another module ("tied" weights); listed under both names in state().
  void share_parameter(std::string name, const Tensor& parameter);
  template <class M>
  M& add_module(std::string name, std::unique_ptr<M> child) {
    M& reference = *child;
    adopt(std::move(name), std::move(child));
    return reference;
  }

 private:
  struct Parameter {
    std::string name;
    Tensor tensor;
    Initializer initial;  // empty for the second name of a shared one
  };
  struct Buffer {
    std::string name;
    Tensor tensor;
    double initial;
  };
  struct Child {
    std::string name;
    std::unique_ptr<Module> module;
  };
  void adopt(std::string name, std::unique_ptr<Module> child);
  template <class Visit>
  void visit(const std::string& prefix, const Visit& visitor) const;

  std::vector<Parameter> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<Child> children_;
  const Module* parent_ = nullptr;
  std::string name_;
};

struct FunctionOptions {
  // Taps of the weights of attention, too: see Pass::attention_weights. Costs memory.
  bool attention_weights = false;
};
// `model` in evaluation mode as a plain function of its input, for explainers; the outputs of its
// modules are taps by their paths. The model must outlive it.
std::function<Tensor(const Tensor&)> as_function(const Module& model,
                                                 const FunctionOptions& options = {});

}  // namespace ingrad
