// SPDX-License-Identifier: Apache-2.0
// Golden ops of second_order: outputs that are themselves derivatives.
#include <map>

#include "engine/differentiate.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/losses.h"
#include "engine/ops/matmul.h"
#include "engine/ops/norm.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

using Json = nlohmann::json;
using Inputs = std::span<const Tensor>;
using Activation = Tensor (*)(const Tensor&);

Activation activation(const Json& attrs) {
  static const std::map<std::string, Activation> all = {
      {"tanh", [](const Tensor& x) { return tanh(x); }},
      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.2); }},
      {"softplus", [](const Tensor& x) { return softplus(x); }},
      {"gelu", [](const Tensor& x) { return gelu(x); }}};
  return all.at(attrs["activation"]);
}

// mean over samples of (|d critic / d x|_2 - 1)^2 (Gulrajani et al. 2017, equation 3).
std::vector<Tensor> gradient_penalty(const Fn& critic, const Tensor& x) {
  const Tensor slope = grad([&](const Tensor& in) { return sum(critic(in)); }, x);
  return {mean(square(norm(flatten(slope, 1), 2, {1}) - 1.0))};
}

Tensor mlp_critic(Activation f, const Tensor& x, Inputs p) {
  const Tensor h = f(linear(f(linear(x, p[1], p[2])), p[3], p[4]));
  return linear(h, p[5], p[6]);
}

Tensor conv_critic(Activation f, const Tensor& x, Inputs p) {
  const ConvOptions halving{.stride = {2, 2}, .padding = {1, 1}};
  const Tensor h = f(conv2d(f(conv2d(x, p[1], p[2], halving)), p[3], p[4], halving));
  return linear(flatten(h, 1), p[5], p[6]);
}

// The gradients of sum(v (y + y^2)) with respect to what the op is differentiated by.
std::vector<Tensor> gradients_of_op(const Json& attrs, Inputs in) {
  const std::string of = attrs["of"];
  const Inputs operands = in.first(in.size() - 1);
  const Tensor& v = in.back();
  // Running statistics are inputs that PyTorch does not differentiate.
  const std::size_t last = of == "batch_norm_train" ? 3 : operands.size();
  std::vector<Tensor> variables;
  for (std::size_t i = 0; i < last; ++i) {
    if (is_floating(operands[i].dtype())) variables.push_back(operands[i]);
  }
  const ScalarFn f = [&](Inputs x) {
    std::vector<Tensor> all(operands.begin(), operands.end());
    std::size_t next = 0;
    for (std::size_t i = 0; i < last; ++i) {
      if (is_floating(all[i].dtype())) all[i] = x[next++];
    }
    const Tensor y = mappings().at(of).call(attrs, all)[0];
    return sum(v * (y + square(y)));
  };
  return grad(f, variables);
}

}  // namespace

void map_second_order(Mappings& to) {
  to["gradient_penalty_mlp"] = {[](const Json& a, Inputs in) {
    const Activation f = activation(a);
    return gradient_penalty([&](const Tensor& x) { return mlp_critic(f, x, in); }, in[0]);
  }};
  to["gradient_penalty_conv"] = {[](const Json& a, Inputs in) {
    const Activation f = activation(a);
    return gradient_penalty([&](const Tensor& x) { return conv_critic(f, x, in); }, in[0]);
  }};
  to["gradient_penalty_layer_norm"] = {[](const Json&, Inputs in) {
    const auto critic = [&](const Tensor& x) {
      const Tensor h = silu(layer_norm(linear(x, in[1], in[2]), {6}, in[3], in[4]));
      return linear(h, in[5], in[6]);
    };
    return gradient_penalty(critic, in[0]);
  }};
  to["hvp_cross_entropy"] = {[](const Json&, Inputs in) {
    const ScalarFn loss = [&](Inputs p) {
      return cross_entropy(linear(gelu(linear(in[0], p[0], p[1])), p[2], p[3]), in[1]);
    };
    return hvp(loss, in.subspan(2, 4), in.subspan(6, 4));
  }};
  to["hvp_input"] = {[](const Json&, Inputs in) {
    const ScalarFn f = [&](Inputs x) {
      return sum(square(linear(tanh(linear(x[0], in[1], in[2])), in[3], in[4])));
    };
    return hvp(f, in.first(1), in.subspan(5, 1));
  }};
  to["grad"] = {gradients_of_op};
}

}  // namespace ingrad::golden
