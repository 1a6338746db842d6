// SPDX-License-Identifier: Apache-2.0
// The Adam family: running averages of the gradient and of its square, corrected for their start
// at zero.
#include <cmath>

#include "engine/optim/checks.h"
#include "engine/optim/loops.h"
#include "engine/optim/optimizers.h"

namespace ingrad {
namespace {

template <class Options>
void check_moments(std::string_view name, const Options& options, Location where) {
  optim::check_fraction(name, "beta1", options.beta1, where);
  optim::check_fraction(name, "beta2", options.beta2, where);
  optim::check_at_least(name, "eps", options.eps, 0, where);
}

// How weight decay enters: added to the gradient, or as a factor on the parameter.
template <class T>
struct Decay {
  T in_gradient;
  T factor;
  Decay(bool decoupled, double rate, double decay)
      : in_gradient(static_cast<T>(decoupled ? 0 : decay)),
        factor(static_cast<T>(decoupled ? 1 - rate * decay : 1)) {}
};

// The two averages after one more gradient.
template <class T>
struct Moments {
  T rest1;  // 1 - beta1
  T beta2;
  T rest2;
  Moments(double b1, double b2)
      : rest1(static_cast<T>(1 - b1)), beta2(static_cast<T>(b2)), rest2(static_cast<T>(1 - b2)) {}
  T first(T average, T g) const { return optim::lerp(average, g, rest1); }
  T second(T average, T g) const { return beta2 * average + rest2 * g * g; }
};

}  // namespace

Adam::Adam(ParameterGroups groups, const AdamOptions& options, Location where)
    : Optimizer(groups, options.learning_rate, options.weight_decay,
                options.amsgrad
                    ? std::vector<Slot>{{"exp_avg"}, {"exp_avg_sq"}, {"max_exp_avg_sq"}}
                    : std::vector<Slot>{{"exp_avg"}, {"exp_avg_sq"}},
                where),
      options_(options) {
  check_moments("adam", options, where);
}

AdamW::AdamW(ParameterGroups groups, AdamOptions options, Location where)
    : Adam(groups, (options.decoupled_weight_decay = true, options), where) {}

void Adam::set_momentum(double momentum, Location where) {
  optim::check_fraction(name(), "beta1", momentum, where);
  options_.beta1 = momentum;
}

void Adam::update(const Update& u) {
  const double step = static_cast<double>(u.step);
  const double correction1 = 1 - std::pow(options_.beta1, step);
  const double correction2 = 1 - std::pow(options_.beta2, step);
  optim::with_float_type(u.dtype(), [&]<class T>(T) {
    T* p = u.values<T>();
    const T* grad = u.grads<T>();
    T* average = u.slot<T>(0);
    T* square = u.slot<T>(1);
    T* largest = options_.amsgrad ? u.slot<T>(2) : nullptr;
    const Decay<T> decay(options_.decoupled_weight_decay, u.learning_rate, u.weight_decay);
    const Moments<T> moments(options_.beta1, options_.beta2);
    const T step_size = static_cast<T>(u.learning_rate / correction1);
    const T root_correction = static_cast<T>(std::sqrt(correction2));
    const T eps = static_cast<T>(options_.eps);
    if (largest == nullptr) {
      optim::for_elements(u.size(), 20, [=](std::int64_t i) {
        const T g = grad[i] + decay.in_gradient * p[i];
        const T m = average[i] = moments.first(average[i], g);
        const T v = square[i] = moments.second(square[i], g);
        p[i] = p[i] * decay.factor - step_size * (m / (std::sqrt(v) / root_correction + eps));
      });
    } else {
      optim::for_elements(u.size(), 22, [=](std::int64_t i) {
        const T g = grad[i] + decay.in_gradient * p[i];
        const T m = average[i] = moments.first(average[i], g);
        const T v = square[i] = moments.second(square[i], g);
        // A NaN stays, as in torch.maximum.
        const T top = largest[i] = v > largest[i] || v != v ? v : largest[i];
        p[i] = p[i] * decay.factor - step_size * (m / (std::sqrt(top) / root_correction + eps));
      });
    }
  });
}

NAdam::NAdam(ParameterGroups groups, const NAdamOptions& options, Location where)
    : Optimizer(groups, options.learning_rate, options.weight_decay,
                {{"exp_avg"}, {"exp_avg_sq"}, {"mu_product", 1, true}}, where),
      options_(options) {
  check_moments("nadam", options, where);
  optim::check_at_least("nadam", "momentum_decay", options.momentum_decay, 0, where);
}

void NAdam::set_momentum(double momentum, Location where) {
  optim::check_fraction("nadam", "beta1", momentum, where);
  options_.beta1 = momentum;
}

void NAdam::update(const Update& u) {
  const double step = static_cast<double>(u.step);
  const double correction2 = 1 - std::pow(options_.beta2, step);
  const auto mu_at = [&](double s) {
    return options_.beta1 * (1 - 0.5 * std::pow(0.96, s * options_.momentum_decay));
  };
  const double mu = mu_at(step);
  const double mu_next = mu_at(step + 1);
  double& mu_product = *u.slot<double>(2);
  mu_product *= mu;
  const double from_grad = u.learning_rate * (1 - mu) / (1 - mu_product);
  const double from_average = u.learning_rate * mu_next / (1 - mu_product * mu_next);
  optim::with_float_type(u.dtype(), [&]<class T>(T) {
    T* p = u.values<T>();
    const T* grad = u.grads<T>();
    T* average = u.slot<T>(0);
    T* square = u.slot<T>(1);
    const Decay<T> decay(options_.decoupled_weight_decay, u.learning_rate, u.weight_decay);
    const Moments<T> moments(options_.beta1, options_.beta2);
    const T correction = static_cast<T>(correction2);
    const T eps = static_cast<T>(options_.eps);
    const T rate_grad = static_cast<T>(from_grad);
    const T rate_average = static_cast<T>(from_average);
    optim::for_elements(u.size(), 24, [=](std::int64_t i) {
      const T g = grad[i] + decay.in_gradient * p[i];
      const T m = average[i] = moments.first(average[i], g);
      const T v = square[i] = moments.second(square[i], g);
      const T denominator = std::sqrt(v / correction) + eps;
      p[i] = p[i] * decay.factor - rate_grad * (g / denominator) - rate_average * (m / denominator);
    });
  });
}

RAdam::RAdam(ParameterGroups groups, const RAdamOptions& options, Location where)
    : Optimizer(groups, options.learning_rate, options.weight_decay,
                {{"exp_avg"}, {"exp_avg_sq"}}, where),
      options_(options) {
  check_moments("radam", options, where);
}

void RAdam::set_momentum(double momentum, Location where) {
  optim::check_fraction("radam", "beta1", momentum, where);
  options_.beta1 = momentum;
}

void RAdam::update(const Update& u) {
  const double step = static_cast<double>(u.step);
  const double power2 = std::pow(options_.beta2, step);
  const double correction1 = 1 - std::pow(options_.beta1, step);
  const double correction2 = 1 - power2;
  // The length of the approximated simple moving average, now and in the limit.
  const double rho_limit = 2 / (1 - options_.beta2) - 1;
  const double rho = rho_limit - 2 * step * power2 / correction2;
  const bool adaptive = rho > 5;
  const double rectification =
      adaptive ? std::sqrt((rho - 4) * (rho - 2) * rho_limit /
                           ((rho_limit - 4) * (rho_limit - 2) * rho))
               : 1;
  optim::with_float_type(u.dtype(), [&]<class T>(T) {
    T* p = u.values<T>();
    const T* grad = u.grads<T>();
    T* average = u.slot<T>(0);
    T* square = u.slot<T>(1);
    const Decay<T> decay(options_.decoupled_weight_decay, u.learning_rate, u.weight_decay);
    const Moments<T> moments(options_.beta1, options_.beta2);
    const T rate = static_cast<T>(u.learning_rate / correction1);
    const T scale = static_cast<T>(std::sqrt(correction2) * rectification);
    const T eps = static_cast<T>(options_.eps);
    optim::for_elements(u.size(), 22, [=](std::int64_t i) {
      const T g = grad[i] + decay.in_gradient * p[i];
      const T m = average[i] = moments.first(average[i], g);
      const T v = square[i] = moments.second(square[i], g);
      const T factor = adaptive ? scale / (std::sqrt(v) + eps) : T(1);
      p[i] = p[i] * decay.factor - rate * m * factor;
    });
  });
}

}  // namespace ingrad
