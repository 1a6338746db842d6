// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>

#include "models/module.h"

namespace ingrad {

// An elementwise function (or a softmax over axis 1) as a module, chosen by text: "relu",
// "leaky_relu:0.2", "softplus:beta=2,threshold=10". Error lists the known names.
class Activation : public Module {
 public:
  explicit Activation(std::string_view text, Location where = Location::current());
  std::string describe() const override { return text_; }

  static std::vector<std::string> names();

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  std::string text_;
  std::function<Tensor(const Tensor&)> function_;
};

}  // namespace ingrad
