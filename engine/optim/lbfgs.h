// SPDX-License-Identifier: Apache-2.0
// L-BFGS (Liu and Nocedal 1989), with the options and the exact behaviour of torch.optim.LBFGS.
#pragma once

#include <vector>

#include "engine/optim/optimizer.h"

namespace ingrad {

struct LbfgsOptions {
  double learning_rate = 1;
  int max_iter = 20;                // iterations within one step()
  int max_eval = 0;                 // evaluations within one step(); 0: max_iter * 5 / 4
  double tolerance_grad = 1e-7;     // stop when the largest gradient component is at most this
  double tolerance_change = 1e-9;   // stop when parameters or loss move less
  int history_size = 100;
  bool strong_wolfe = false;        // line search; otherwise steps of the learning rate
};

// One parameter group, no weight decay. All arithmetic of the method is in double. Each step()
// evaluates the closure several times, at changed parameters.
class Lbfgs : public Optimizer {
 public:
  explicit Lbfgs(std::span<const ParameterGroup> groups, const LbfgsOptions& options = {},
                 Location where = Location::current());

  double step(const Closure& closure, Location where = Location::current()) override;
  // Error: the method needs a closure.
  void step(std::span<const Tensor> gradients, Location where = Location::current()) override;

  NamedTensors state() const override;
  void load_state(std::span<const NamedTensor> state, Location where = Location::current()) override;
  std::string_view name() const override { return "lbfgs"; }

 private:
  using Vector = std::vector<double>;  // all parameters, one after another
  struct Pair {
    Vector change;           // of the gradient
    Vector step;             // of the parameters
    double inverse_product;  // 1 / (change . step)
  };

  void update(const Update&) override {}
  double evaluate(const Closure& closure, Vector& gradient, Location where) const;
  Vector values() const;
  void set_values(const Vector& values) const;
  void move(double length, const Vector& direction) const;
  void remember(const Vector& gradient);
  Vector quasi_newton(const Vector& gradient) const;

  LbfgsOptions options_;
  std::int64_t size_ = 0;
  // Kept from one step() to the next.
  std::int64_t iterations_ = 0;
  std::vector<Pair> history_;  // oldest first
  Vector direction_;
  double length_ = 0;
  Vector previous_gradient_;
  double scale_ = 1;  // of the initial inverse Hessian
};

}  // namespace ingrad
