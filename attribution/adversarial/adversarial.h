// SPDX-License-Identifier: Apache-2.0
// Adversarial examples: small changes of samples that change predictions. Attacks are those of
// models/training/adversarial.h (FGSM, PGD), evaluated by the pool.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attribution/attribution.h"
#include "models/training/adversarial.h"

namespace ingrad {

struct AdversarialExamples {
  std::string attack;                       // as text, such as "linf:eps=0.1,steps=10"
  Tensor inputs;                            // [N, ...] f32, the perturbed samples
  std::vector<std::int64_t> targets;        // the classes to leave, or to reach
  std::vector<std::int64_t> before, after;  // predictions
  // after != target; of a targeted attack: after == target.
  std::vector<char> success;
  std::vector<double> linf, l2, l1;  // of the changes, in raw units (AttackOptions::domain)
  std::vector<double> loss_before, loss_after;
  std::vector<double> radius;  // find_minimal_perturbations(): see there
  std::uint64_t seed = 0;
  double seconds = 0;
  PoolStats cost;
};

// Attacks every sample: away from its class (options.target; by default the predicted one), or
// towards it if the attack is targeted. FGSM is make_attack("fgsm:eps=8/255"), or one step without
// a random start; PGD has several. With several restarts the one with the largest loss (targeted:
// the smallest) is kept. options.scalar plays no part: the loss is cross entropy, or the attack's.
// Random starts belong to the numbers of samples. Cost: G = steps restarts, F = 3, and restarts
// more where there are several.
// Error: as attack(); several classes per sample, or none; a loss that is not one per row.
AdversarialExamples find_adversarial_examples(const ModelFn& model, const Tensor& x,
                                              const AttackOptions& attack,
                                              const ExplainOptions& options = {},
                                              Location where = Location::current());

struct MinimalPerturbationOptions {
  AttackOptions attack = {};  // its epsilon: the largest radius that is tried
  int bisections = 10;
};
// The smallest ball in which the attack succeeds, sample by sample, by bisection on its radius:
// `radius` is the smallest with success, infinite if there is none up to epsilon, and 0 for samples
// that are classified so already; the inputs are the nearest perturbed samples that were found (the
// sample itself if none). An upper bound on the distance to the decision boundary, to
// 2^-bisections of epsilon where the attack is perfect (linear models). Bisection, and not
// DeepFool's linear steps (Moosavi-Dezfooli et al. 2016): it serves every norm, bounds of the data
// and any loss, needs one gradient per step and not one per class, and every result was seen to
// succeed. Cost: at most 1 + bisections attacks.
AdversarialExamples find_minimal_perturbations(const ModelFn& model, const Tensor& x,
                                               const MinimalPerturbationOptions& method,
                                               const ExplainOptions& options = {},
                                               Location where = Location::current());

}  // namespace ingrad
