// SPDX-License-Identifier: Apache-2.0
// Optimisers that divide by an accumulated size of the gradient: RMSProp, Adagrad, Adadelta.
#include <cmath>

#include "engine/optim/checks.h"
#include "engine/optim/loops.h"
#include "engine/optim/optimizers.h"

namespace ingrad {

RmsProp::RmsProp(ParameterGroups groups, const RmsPropOptions& options, Location where)
    : Optimizer(groups, options.learning_rate, options.weight_decay,
                [&] {
                  std::vector<Slot> slots{{"square_avg"}};
                  if (options.momentum > 0) slots.push_back({"momentum_buffer"});
                  if (options.centered) slots.push_back({"grad_avg"});
                  return slots;
                }(),
                where),
      options_(options) {
  optim::check_at_least("rmsprop", "momentum", options.momentum, 0, where);
  optim::check_at_least("rmsprop", "eps", options.eps, 0, where);
  optim::check_at_least("rmsprop", "alpha", options.alpha, 0, where);
}

void RmsProp::set_momentum(double momentum, Location where) {
  if (options_.momentum == 0) throw Error("rmsprop: constructed without momentum", where);
  optim::check_at_least("rmsprop", "momentum", momentum, 0, where);
  options_.momentum = momentum;
}

void RmsProp::update(const Update& u) {
  optim::with_float_type(u.dtype(), [&]<class T>(T) {
    T* p = u.values<T>();
    const T* grad = u.grads<T>();
    T* square = u.slot<T>(0);
    const bool has_buffer = u.state.size() > (options_.centered ? 2u : 1u);
    T* buffer = has_buffer ? u.slot<T>(1) : nullptr;
    T* mean = options_.centered ? u.slot<T>(has_buffer ? 2 : 1) : nullptr;
    const T rate = static_cast<T>(u.learning_rate);
    const T decay = static_cast<T>(u.weight_decay);
    const T alpha = static_cast<T>(options_.alpha);
    const T rest = static_cast<T>(1 - options_.alpha);
    const T eps = static_cast<T>(options_.eps);
    const T momentum = static_cast<T>(options_.momentum);
    optim::for_elements(u.size(), 20, [=](std::int64_t i) {
      const T g = grad[i] + decay * p[i];
      T spread = square[i] = alpha * square[i] + rest * g * g;
      if (mean != nullptr) {
        const T m = mean[i] = optim::lerp(mean[i], g, rest);
        spread -= m * m;
      }
      T move = g / (std::sqrt(spread) + eps);
      if (buffer != nullptr) move = buffer[i] = momentum * buffer[i] + move;
      p[i] -= rate * move;
    });
  });
}

Adagrad::Adagrad(ParameterGroups groups, const AdagradOptions& options, Location where)
    : Optimizer(groups, options.learning_rate, options.weight_decay,
                {{"sum", options.initial_accumulator_value}}, where),
      options_(options) {
  optim::check_at_least("adagrad", "lr_decay", options.lr_decay, 0, where);
  optim::check_at_least("adagrad", "initial_accumulator_value", options.initial_accumulator_value,
                        0, where);
  optim::check_at_least("adagrad", "eps", options.eps, 0, where);
}

void Adagrad::update(const Update& u) {
  optim::with_float_type(u.dtype(), [&]<class T>(T) {
    T* p = u.values<T>();
    const T* grad = u.grads<T>();
    T* sum = u.slot<T>(0);
    const T rate = static_cast<T>(u.learning_rate /
                                  (1 + static_cast<double>(u.step - 1) * options_.lr_decay));
    const T decay = static_cast<T>(u.weight_decay);
    const T eps = static_cast<T>(options_.eps);
    optim::for_elements(u.size(), 14, [=](std::int64_t i) {
      const T g = grad[i] + decay * p[i];
      const T s = sum[i] = sum[i] + g * g;
      p[i] -= rate * (g / (std::sqrt(s) + eps));
    });
  });
}

Adadelta::Adadelta(ParameterGroups groups, const AdadeltaOptions& options, Location where)
    : Optimizer(groups, options.learning_rate, options.weight_decay,
                {{"square_avg"}, {"acc_delta"}}, where),
      options_(options) {
  optim::check_at_least("adadelta", "eps", options.eps, 0, where);
  if (!(options.rho >= 0 && options.rho <= 1)) {
    optim::check_fraction("adadelta", "rho", options.rho, where);
  }
}

void Adadelta::update(const Update& u) {
  optim::with_float_type(u.dtype(), [&]<class T>(T) {
    T* p = u.values<T>();
    const T* grad = u.grads<T>();
    T* square = u.slot<T>(0);
    T* moved = u.slot<T>(1);
    const T rate = static_cast<T>(u.learning_rate);
    const T decay = static_cast<T>(u.weight_decay);
    const T rho = static_cast<T>(options_.rho);
    const T rest = static_cast<T>(1 - options_.rho);
    const T eps = static_cast<T>(options_.eps);
    optim::for_elements(u.size(), 24, [=](std::int64_t i) {
      const T g = grad[i] + decay * p[i];
      const T s = square[i] = rho * square[i] + rest * g * g;
      const T delta = std::sqrt(moved[i] + eps) / std::sqrt(s + eps) * g;
      moved[i] = rho * moved[i] + rest * delta * delta;
      p[i] -= rate * delta;
    });
  });
}

}  // namespace ingrad
