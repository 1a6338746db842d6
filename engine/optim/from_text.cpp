// SPDX-License-Identifier: Apache-2.0
// Optimisers and schedules chosen by a line of text.
#include <fmt/format.h>

#include "engine/option_text.h"
#include "engine/optim/lbfgs.h"
#include "engine/optim/optimizers.h"
#include "engine/optim/schedule.h"

namespace ingrad {
namespace {

double rate(OptionText& text, double fallback) {
  const double rate = text.number("learning_rate", fallback);
  return text.number("lr", rate);
}

AdamOptions adam_options(OptionText& t, AdamOptions o) {
  o.learning_rate = rate(t, o.learning_rate);
  o.beta1 = t.number("beta1", o.beta1);
  o.beta2 = t.number("beta2", o.beta2);
  o.eps = t.number("eps", o.eps);
  o.weight_decay = t.number("weight_decay", o.weight_decay);
  o.amsgrad = t.flag("amsgrad");
  return o;
}

template <class Type, class Options>
std::unique_ptr<Optimizer> finished(const OptionText& text, ParameterGroups groups,
                                    const Options& options, Location where) {
  text.finish();
  return std::make_unique<Type>(groups, options, where);
}

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(std::string_view spec, ParameterGroups groups,
                                          Location where) {
  OptionText t(spec, where);
  if (t.name() == "sgd") {
    SgdOptions o;
    o.learning_rate = rate(t, o.learning_rate);
    o.momentum = t.number("momentum", o.momentum);
    o.dampening = t.number("dampening", o.dampening);
    o.weight_decay = t.number("weight_decay", o.weight_decay);
    o.nesterov = t.flag("nesterov");
    return finished<Sgd>(t, groups, o, where);
  }
  if (t.name() == "adam") return finished<Adam>(t, groups, adam_options(t, {}), where);
  if (t.name() == "adamw") {
    return finished<AdamW>(t, groups, adam_options(t, {.weight_decay = 1e-2}), where);
  }
  if (t.name() == "nadam") {
    NAdamOptions o;
    o.learning_rate = rate(t, o.learning_rate);
    o.beta1 = t.number("beta1", o.beta1);
    o.beta2 = t.number("beta2", o.beta2);
    o.eps = t.number("eps", o.eps);
    o.weight_decay = t.number("weight_decay", o.weight_decay);
    o.momentum_decay = t.number("momentum_decay", o.momentum_decay);
    o.decoupled_weight_decay = t.flag("decoupled_weight_decay");
    return finished<NAdam>(t, groups, o, where);
  }
  if (t.name() == "radam") {
    RAdamOptions o;
    o.learning_rate = rate(t, o.learning_rate);
    o.beta1 = t.number("beta1", o.beta1);
    o.beta2 = t.number("beta2", o.beta2);
    o.eps = t.number("eps", o.eps);
    o.weight_decay = t.number("weight_decay", o.weight_decay);
    o.decoupled_weight_decay = t.flag("decoupled_weight_decay");
    return finished<RAdam>(t, groups, o, where);
  }
  if (t.name() == "rmsprop") {
    RmsPropOptions o;
    o.learning_rate = rate(t, o.learning_rate);
    o.alpha = t.number("alpha", o.alpha);
    o.eps = t.number("eps", o.eps);
    o.weight_decay = t.number("weight_decay", o.weight_decay);
    o.momentum = t.number("momentum", o.momentum);
    o.centered = t.flag("centered");
    return finished<RmsProp>(t, groups, o, where);
  }
  if (t.name() == "adagrad") {
    AdagradOptions o;
    o.learning_rate = rate(t, o.learning_rate);
    o.lr_decay = t.number("lr_decay", o.lr_decay);
    o.weight_decay = t.number("weight_decay", o.weight_decay);
    o.initial_accumulator_value = t.number("initial_accumulator_value", 0);
    o.eps = t.number("eps", o.eps);
    return finished<Adagrad>(t, groups, o, where);
  }
  if (t.name() == "adadelta") {
    AdadeltaOptions o;
    o.learning_rate = rate(t, o.learning_rate);
    o.rho = t.number("rho", o.rho);
    o.eps = t.number("eps", o.eps);
    o.weight_decay = t.number("weight_decay", o.weight_decay);
    return finished<Adadelta>(t, groups, o, where);
  }
  if (t.name() == "lion") {
    LionOptions o;
    o.learning_rate = rate(t, o.learning_rate);
    o.beta1 = t.number("beta1", o.beta1);
    o.beta2 = t.number("beta2", o.beta2);
    o.weight_decay = t.number("weight_decay", o.weight_decay);
    return finished<Lion>(t, groups, o, where);
  }
  if (t.name() == "lbfgs") {
    LbfgsOptions o;
    o.learning_rate = rate(t, o.learning_rate);
    o.max_iter = static_cast<int>(t.integer("max_iter", o.max_iter));
    o.max_eval = static_cast<int>(t.integer("max_eval", o.max_eval));
    o.tolerance_grad = t.number("tolerance_grad", o.tolerance_grad);
    o.tolerance_change = t.number("tolerance_change", o.tolerance_change);
    o.history_size = static_cast<int>(t.integer("history_size", o.history_size));
    o.strong_wolfe = t.flag("strong_wolfe");
    return finished<Lbfgs>(t, groups, o, where);
  }
  throw Error(fmt::format("no optimiser '{}'; there are sgd, adam, adamw, nadam, radam, rmsprop, "
                          "adagrad, adadelta, lion, lbfgs",
                          t.name()),
              where);
}

Schedule make_schedule(std::string_view spec, std::int64_t total_steps, Location where) {
  OptionText t(spec, where);
  const std::int64_t warmup = t.integer("warmup", 0);
  const double warmup_start = t.number("warmup_start", 0.1);
  if (warmup < 0) throw Error(fmt::format("{}: warmup is {}", t.name(), warmup), where);
  const std::int64_t rest = std::max<std::int64_t>(total_steps - warmup, 1);
  const std::int64_t steps = t.integer("steps", rest);
  Schedule main;
  if (t.name() == "constant") {
    main = constant_schedule();
  } else if (t.name() == "step") {
    const std::int64_t size = t.integer("size", std::max<std::int64_t>(rest / 3, 1));
    main = step_schedule(size, t.number("gamma", 0.1));
  } else if (t.name() == "multistep") {
    std::vector<std::int64_t> milestones = t.integers("milestones");
    main = multi_step_schedule(std::move(milestones), t.number("gamma", 0.1));
  } else if (t.name() == "exponential") {
    main = exponential_schedule(t.number("gamma", 0.99));
  } else if (t.name() == "cosine") {
    main = cosine_schedule(steps, t.number("minimum", 0));
  } else if (t.name() == "linear") {
    const double start = t.number("start", 1);
    main = linear_schedule(start, t.number("end", 0), steps);
  } else if (t.name() == "polynomial") {
    main = polynomial_schedule(steps, t.number("power", 1));
  } else if (t.name() == "onecycle") {
    OneCycleOptions o;
    o.max_rate = t.number("max", 0);
    o.total_steps = steps;
    o.rising_fraction = t.number("rising", o.rising_fraction);
    if (!(o.max_rate > 0)) throw Error("onecycle: needs max=RATE", where);
    main = one_cycle_schedule(o, where);
  } else {
    throw Error(fmt::format("no schedule '{}'; there are constant, step, multistep, exponential, "
                            "cosine, linear, polynomial, onecycle",
                            t.name()),
                where);
  }
  t.finish();
  if (warmup == 0) return main;
  return sequence_schedule({linear_schedule(warmup_start, 1, warmup), std::move(main)}, {warmup});
}

}  // namespace ingrad
