// SPDX-License-Identifier: Apache-2.0
// The first-order optimisers, with PyTorch's formulas, option names and defaults (torch.optim 2.x;
// Lion after Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2).
// L-BFGS stands in lbfgs.h.
#pragma once

#include <memory>
#include <string_view>

#include "engine/optim/optimizer.h"

namespace ingrad {

using ParameterGroups = std::span<const ParameterGroup>;

struct SgdOptions {
  double learning_rate = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
};
// g += decay p; m = momentum m + (1 - dampening) g (m = g at first); p -= rate m, or
// rate (g + momentum m) with Nesterov's momentum.
class Sgd : public Optimizer {
 public:
  explicit Sgd(ParameterGroups groups, const SgdOptions& options = {},
               Location where = Location::current());
  std::string_view name() const override { return "sgd"; }
  // Error when constructed without momentum.
  void set_momentum(double momentum, Location where = Location::current()) override;

 private:
  void update(const Update& update) override;
  SgdOptions options_;
};

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;
  // Decay shrinks the parameter (AdamW) instead of being added to the gradient.
  bool decoupled_weight_decay = false;
};
// Kingma and Ba 2015; AMSGrad: Reddi et al. 2018.
class Adam : public Optimizer {
 public:
  explicit Adam(ParameterGroups groups, const AdamOptions& options = {},
                Location where = Location::current());
  std::string_view name() const override { return "adam"; }
  void set_momentum(double momentum, Location where = Location::current()) override;

 private:
  void update(const Update& update) override;
  AdamOptions options_;
};
// Loshchilov and Hutter 2019.
class AdamW : public Adam {
 public:
  explicit AdamW(ParameterGroups groups, AdamOptions options = {.weight_decay = 1e-2},
                 Location where = Location::current());
  std::string_view name() const override { return "adamw"; }
};

struct NAdamOptions {
  double learning_rate = 2e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum_decay = 4e-3;
  bool decoupled_weight_decay = false;
};
// Dozat 2016: Adam with Nesterov's momentum and its own momentum schedule.
class NAdam : public Optimizer {
 public:
  explicit NAdam(ParameterGroups groups, const NAdamOptions& options = {},
                 Location where = Location::current());
  std::string_view name() const override { return "nadam"; }
  void set_momentum(double momentum, Location where = Location::current()) override;

 private:
  void update(const Update& update) override;
  NAdamOptions options_;
};

struct RAdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled_weight_decay = false;
};
// Liu et al. 2020: plain momentum until the variance of the second moment is tractable.
class RAdam : public Optimizer {
 public:
  explicit RAdam(ParameterGroups groups, const RAdamOptions& options = {},
                 Location where = Location::current());
  std::string_view name() const override { return "radam"; }
  void set_momentum(double momentum, Location where = Location::current()) override;

 private:
  void update(const Update& update) override;
  RAdamOptions options_;
};

struct RmsPropOptions {
  double learning_rate = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;  // divide by the deviation instead of the root mean square
};
class RmsProp : public Optimizer {
 public:
  explicit RmsProp(ParameterGroups groups, const RmsPropOptions& options = {},
                   Location where = Location::current());
  std::string_view name() const override { return "rmsprop"; }
  // Error when constructed without momentum.
  void set_momentum(double momentum, Location where = Location::current()) override;

 private:
  void update(const Update& update) override;
  RmsPropOptions options_;
};

struct AdagradOptions {
  double learning_rate = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
};
class Adagrad : public Optimizer {
 public:
  explicit Adagrad(ParameterGroups groups, const AdagradOptions& options = {},
                   Location where = Location::current());
  std::string_view name() const override { return "adagrad"; }

 private:
  void update(const Update& update) override;
  AdagradOptions options_;
};

struct AdadeltaOptions {
  double learning_rate = 1.0;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;
};
class Adadelta : public Optimizer {
 public:
  explicit Adadelta(ParameterGroups groups, const AdadeltaOptions& options = {},
                    Location where = Location::current());
  std::string_view name() const override { return "adadelta"; }

 private:
  void update(const Update& update) override;
  AdadeltaOptions options_;
};

struct LionOptions {
  double learning_rate = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;  // decoupled
};
class Lion : public Optimizer {
 public:
  explicit Lion(ParameterGroups groups, const LionOptions& options = {},
                Location where = Location::current());
  std::string_view name() const override { return "lion"; }
  void set_momentum(double momentum, Location where = Location::current()) override;

 private:
  void update(const Update& update) override;
  LionOptions options_;
};

// By text: a name of "sgd", "adam", "adamw", "nadam", "radam", "rmsprop", "adagrad", "adadelta",
// "lion", "lbfgs", and options called as above: "sgd:learning_rate=0.1,momentum=0.9,nesterov".
// "lr" is short for learning_rate. Error names what is unknown and what there is.
std::unique_ptr<Optimizer> make_optimizer(std::string_view spec, ParameterGroups groups,
                                          Location where = Location::current());

}  // namespace ingrad
