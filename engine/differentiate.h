// SPDX-License-Identifier: Apache-2.0
// Differentiation. Derivative rules call ops, so every result can be differentiated again, and
// everything here works on traced programs as well. There are no global modes: what is recorded
// depends on which tensors are tracked.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/node.h"
#include "engine/op.h"
#include "engine/tensor.h"

namespace ingrad {

// Backward rules that replace those of the named ops (guided backprop, LRP, DeepLIFT ...). The
// tensors must have been tracked with save_all if a rule reads what the op's own rule does not.
class Rules {
 public:
  // Error when there is no such op.
  Rules& set(std::string_view op, VjpRule rule, Location where = Location::current());
  const VjpRule* find(const OpDef& op) const;
  bool empty() const { return rules_.empty(); }

 private:
  std::unordered_map<const OpDef*, VjpRule> rules_;
};

struct GradOptions {
  // Record the backward computation itself, to differentiate it again. The functions below that
  // take `f` decide this on their own.
  bool create_graph = false;
  const Rules* rules = nullptr;
};

// The cotangents of `wrt` given cotangents of `outputs` (same shapes; undefined means zero). `wrt`
// are tracked tensors: leaves, taps or any other intermediates. What the outputs do not depend on
// gets zeros.
std::vector<Tensor> gradients(std::span<const Tensor> outputs, std::span<const Tensor> cotangents,
                              std::span<const Tensor> wrt, const GradOptions& options = {},
                              Location where = Location::current());
// For one output of one element.
Tensor gradient(const Tensor& output, const Tensor& wrt, const GradOptions& options = {},
                Location where = Location::current());

// The tangents of recorded `outputs` when `wrt` change in the directions `tangents`. The leaves
// must have been tracked with save_all. Undefined where the output does not depend on them.
std::vector<Tensor> pushforward(std::span<const Tensor> outputs, std::span<const Tensor> wrt,
                                std::span<const Tensor> tangents, bool create_graph = false,
                                Location where = Location::current());

// ---- transformations of functions -------------------------------------------------------------
using Fn = std::function<Tensor(const Tensor&)>;
using MultiFn = std::function<std::vector<Tensor>(std::span<const Tensor>)>;
using ScalarFn = std::function<Tensor(std::span<const Tensor>)>;

struct ValueAndGrads {
  Tensor value;
  std::vector<Tensor> grads;
};
struct ValueAndCotangents {
  std::vector<Tensor> values;
  std::vector<Tensor> cotangents;
};
struct ValueAndTangents {
  std::vector<Tensor> values;
  std::vector<Tensor> tangents;
};

// Gradient of a one-element function; Error when its value has more elements.
Tensor grad(const Fn& f, const Tensor& x, const GradOptions& options = {},
            Location where = Location::current());
std::vector<Tensor> grad(const ScalarFn& f, std::span<const Tensor> inputs,
                         const GradOptions& options = {}, Location where = Location::current());
ValueAndGrads value_and_grad(const ScalarFn& f, std::span<const Tensor> inputs,
                             const GradOptions& options = {},
                             Location where = Location::current());
// u^T J for the cotangents u of the outputs.
ValueAndCotangents vjp(const MultiFn& f, std::span<const Tensor> inputs,
                       std::span<const Tensor> cotangents, const GradOptions& options = {},
                       Location where = Location::current());
// J v for tangents v of the inputs (undefined: zero), forward mode.
ValueAndTangents jvp(const MultiFn& f, std::span<const Tensor> inputs,
                     std::span<const Tensor> tangents, Location where = Location::current());
// H v of a one-element function, forward over reverse.
std::vector<Tensor> hvp(const ScalarFn& f, std::span<const Tensor> inputs,
                        std::span<const Tensor> tangents, Location where = Location::current());
// [shape of f(x)..., shape of x...]; one backward pass per element of f(x).
Tensor jacobian(const Fn& f, const Tensor& x, Location where = Location::current());

// f without its intermediates kept: the backward pass runs f again. Error when f uses tracked tensors
// other than `inputs`.
std::vector<Tensor> checkpoint(const MultiFn& f, std::span<const Tensor> inputs,
                               Location where = Location::current());
// forward(inputs) with a derivative rule of the caller's: surrogate gradients, straight-through
// estimators, guided backprop. The rule sees all inputs and outputs.
std::vector<Tensor> custom(const MultiFn& forward, VjpRule rule, std::span<const Tensor> inputs,
                           Location where = Location::current());

// ---- taps -------------------------------------------------------------------------------------
// Names an intermediate: find_tap(output, name) gives it back, as a point to differentiate with
// respect to, and traced programs carry the name. Costs nothing on untracked tensors.
Tensor tap(const Tensor& x, std::string_view name, Location where = Location::current());
// The tap of this name among the computations behind `output`; with its data if the leaf was
// tracked. Error lists the nearest names.
Tensor find_tap(const Tensor& output, std::string_view name,
                Location where = Location::current());
// Every tap behind `output`, in order of computation.
std::vector<std::pair<std::string, Tensor>> taps(const Tensor& output);

}  // namespace ingrad
