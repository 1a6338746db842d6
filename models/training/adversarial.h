// SPDX-License-Identifier: Apache-2.0
// Adversarial examples by gradients: FGSM (Goodfellow et al. 2015) and PGD (Madry et al. 2018) in
// the L-infinity, the L2 and the L1 ball. What a sample becomes depends on the sample and its
// number, not on the batch it is in.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"
#include "models/training/norm_ball.h"

namespace ingrad {

// The values that inputs stand for: input = (raw - mean) / deviation. Distances are measured
// between raw values and bounds apply to them. Every list has one entry, or one per channel (axis 1
// of the inputs, the features of a table); an empty one means mean 0, deviation 1, no bound.
struct InputDomain {
  std::vector<double> mean = {}, deviation = {};
  std::vector<double> low = {}, high = {};
};

// One loss per row, [N], from outputs [N, ...] and what belongs to the rows.
using RowLoss = std::function<Tensor(const Tensor& outputs, const Tensor& targets)>;

struct AttackOptions {
  AttackNorm norm = AttackNorm::linf;
  double epsilon = 0;  // radius of the ball, in raw units
  int steps = 10;      // 1 without a random start is FGSM (its L2 form under l2)
  // l1: a step moves this share of the elements, at least one: those of the largest gradients that
  // can still move (Tramer & Boneh 2019).
  double l1_share = 0.01;
  double step_size = 0;      // raw units; 0: 2.5 epsilon / steps; for a single step epsilon, or
                             // 1.25 epsilon from a random start (Wong et al. 2020)
  bool random_start = true;  // uniform in the ball
  int restarts = 1;          // the one with the largest loss is kept, sample by sample
  bool targeted = false;     // go towards the given targets instead of away from them
  std::uint64_t seed = 0;    // of random starts
  InputDomain domain = {};
  RowLoss loss = nullptr;  // default: cross entropy
};

// Perturbed inputs of the shape and dtype (f32, f64) of x [N, ...]. `model` must treat rows apart
// (evaluation mode). `samples`, i64 [N], are the numbers that random starts belong to (default
// 0 ... N - 1), `draw` tells repeated attacks on a sample apart.
//
// No result leaves the ball or the bounds by more than the rounding of doubles: f32 results are
// rounded towards x. An element of x that violates the bounds itself may stay where it is, but is
// not moved further out.
// Error: options out of range, shapes that do not fit, gradients that are not finite.
Tensor attack(const std::function<Tensor(const Tensor&)>& model, const Tensor& x,
              const Tensor& targets, const AttackOptions& options, const Tensor& samples = {},
              std::uint64_t draw = 0, Location where = Location::current());

// A model that is evaluated in a way of its own: losses of rows at points [N, ...], one each, and
// their gradient, [N, ...].
struct AttackedModel {
  std::function<std::vector<double>(const Tensor& at)> losses;
  std::function<Tensor(const Tensor& at)> gradient;
};
// The same (targets and options.loss are the model's). `radii`: one per row, in place of
// options.epsilon; empty: that for all.
Tensor attack(const AttackedModel& model, const Tensor& x, const AttackOptions& options,
              const std::vector<double>& radii = {}, const Tensor& samples = {},
              std::uint64_t draw = 0, Location where = Location::current());

// By text: "fgsm:eps=0.3", "linf:eps=8/255,steps=7,step=2/255", "l2:eps=2,steps=10,restarts=5",
// "l1:eps=12", with the flags "targeted" and "random_start=false". Error names what is unknown.
AttackOptions make_attack(std::string_view spec, Location where = Location::current());
// The same as text that make_attack understands; domain, seed and loss are not part of it.
std::string describe(const AttackOptions& options);

}  // namespace ingrad
