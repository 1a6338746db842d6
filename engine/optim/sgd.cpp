// SPDX-License-Identifier: Apache-2.0
// Optimisers whose step is a plain or signed momentum: SGD and Lion.
#include <fmt/format.h>

#include "engine/optim/checks.h"
#include "engine/optim/loops.h"
#include "engine/optim/optimizers.h"

namespace ingrad {

Sgd::Sgd(ParameterGroups groups, const SgdOptions& options, Location where)
    : Optimizer(groups, options.learning_rate, options.weight_decay,
                options.momentum != 0 ? std::vector<Slot>{{"momentum_buffer"}}
                                      : std::vector<Slot>{},
                where),
      options_(options) {
  optim::check_at_least("sgd", "momentum", options.momentum, 0, where);
  if (options.nesterov && (options.momentum <= 0 || options.dampening != 0)) {
    throw Error("sgd: Nesterov's momentum needs a momentum and no dampening", where);
  }
}

void Sgd::set_momentum(double momentum, Location where) {
  if (options_.momentum == 0) throw Error("sgd: constructed without momentum", where);
  optim::check_at_least("sgd", "momentum", momentum, 0, where);
  options_.momentum = momentum;
}

void Sgd::update(const Update& u) {
  optim::with_float_type(u.dtype(), [&]<class T>(T) {
    T* p = u.values<T>();
    const T* grad = u.grads<T>();
    const T rate = static_cast<T>(u.learning_rate);
    const T decay = static_cast<T>(u.weight_decay);
    if (u.state.empty()) {
      optim::for_elements(u.size(), 4,
                          [=](std::int64_t i) { p[i] -= rate * (grad[i] + decay * p[i]); });
      return;
    }
    T* buffer = u.slot<T>(0);
    // The first gradient enters undamped.
    const T keep = u.step == 1 ? T(0) : static_cast<T>(options_.momentum);
    const T take = u.step == 1 ? T(1) : static_cast<T>(1 - options_.dampening);
    // With Nesterov the step is g + momentum m, otherwise m.
    const T from_grad = options_.nesterov ? T(1) : T(0);
    const T from_buffer = options_.nesterov ? static_cast<T>(options_.momentum) : T(1);
    optim::for_elements(u.size(), 8, [=](std::int64_t i) {
      const T g = grad[i] + decay * p[i];
      const T m = keep * buffer[i] + take * g;
      buffer[i] = m;
      p[i] -= rate * (from_grad * g + from_buffer * m);
    });
  });
}

Lion::Lion(ParameterGroups groups, const LionOptions& options, Location where)
    : Optimizer(groups, options.learning_rate, options.weight_decay, {{"exp_avg"}}, where),
      options_(options) {
  optim::check_fraction("lion", "beta1", options.beta1, where);
  optim::check_fraction("lion", "beta2", options.beta2, where);
}

void Lion::set_momentum(double momentum, Location where) {
  optim::check_fraction("lion", "beta1", momentum, where);
  options_.beta1 = momentum;
}

void Lion::update(const Update& u) {
  optim::with_float_type(u.dtype(), [&]<class T>(T) {
    T* p = u.values<T>();
    const T* g = u.grads<T>();
    T* average = u.slot<T>(0);
    const T rate = static_cast<T>(u.learning_rate);
    const T decay = static_cast<T>(u.weight_decay);
    const T beta1 = static_cast<T>(options_.beta1);
    const T beta2 = static_cast<T>(options_.beta2);
    const T rest1 = static_cast<T>(1 - options_.beta1);
    const T rest2 = static_cast<T>(1 - options_.beta2);
    optim::for_elements(u.size(), 10, [=](std::int64_t i) {
      const T direction = beta1 * average[i] + rest1 * g[i];
      const T sign = static_cast<T>((direction > 0) - (direction < 0));
      p[i] -= rate * (sign + decay * p[i]);
      average[i] = beta2 * average[i] + rest2 * g[i];
    });
  });
}

}  // namespace ingrad
