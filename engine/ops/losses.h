// SPDX-License-Identifier: Apache-2.0
// Losses, with the definitions and defaults of PyTorch. Operands of one call have one floating
// dtype (class indices are i32, i64 or u8) and, where nothing else is said, one shape: a silent
// broadcast between prediction and target is nearly always a mistake, so it is an Error.
#pragma once

#include <cstdint>

#include "engine/tensor.h"

namespace ingrad {

enum class LossReduction : std::uint8_t {
  none,        // one loss per element or sample
  mean,        // over all of them (see cross_entropy and nll_loss for weights)
  sum,
  batch_mean,  // kl_div only: the sum divided by the number of rows
};

// ---- classes ----------------------------------------------------------------------------------
struct ClassLossOptions {
  Tensor weight;                     // [C], per class; undefined: 1
  std::int64_t ignore_index = -100;  // targets of this value contribute nothing
  double label_smoothing = 0;        // in [0, 1]
  LossReduction reduction = LossReduction::mean;
};
// Logits [N, C, d...] (or [C]). Target: class indices [N, d...] (or a single one), or class
// probabilities in the shape of the logits. With log-probabilities l, weights w, smoothing s:
//   index t:        -(1 - s) w[t] l[t] - s/C sum_c w[c] l[c]
//   probabilities:  -sum_c w[c] ((1 - s) target[c] + s/C) l[c]
// mean: for indices the sum divided by the sum of w[t] over what is not ignored (NaN if that is
// nothing), for probabilities by the number of samples and positions. Error on an index that is
// neither a class nor ignore_index.
Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                     const ClassLossOptions& options = {}, Location where = Location::current());
// The same from log-probabilities, for class indices, without smoothing.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                const ClassLossOptions& options = {}, Location where = Location::current());
// sum over c != t of max(0, margin - x[t] + x[c])^p / C, times weight[t]; x [N, C] or [C]; p = 1, 2.
Tensor multi_margin_loss(const Tensor& x, const Tensor& target, int p = 1, double margin = 1,
                         const Tensor& weight = {}, LossReduction reduction = LossReduction::mean,
                         Location where = Location::current());

// ---- binary -----------------------------------------------------------------------------------
// -weight (pos_weight t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))), without overflow; both
// weights broadcast to the logits, undefined means 1.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        const Tensor& weight = {}, const Tensor& pos_weight = {},
                                        LossReduction reduction = LossReduction::mean,
                                        Location where = Location::current());
// The same from probabilities in [0, 1]; logarithms are at least -100, and the gradient's divisor
// p (1 - p) at least 1e-12.
Tensor binary_cross_entropy(const Tensor& probabilities, const Tensor& target,
                            const Tensor& weight = {},
                            LossReduction reduction = LossReduction::mean,
                            Location where = Location::current());

// ---- regression: d = prediction - target --------------------------------------------------------
Tensor mse_loss(const Tensor& prediction, const Tensor& target,
                LossReduction reduction = LossReduction::mean,
                Location where = Location::current());
Tensor l1_loss(const Tensor& prediction, const Tensor& target,
               LossReduction reduction = LossReduction::mean,
               Location where = Location::current());
// d^2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere; beta = 0 is the L1 loss.
Tensor smooth_l1_loss(const Tensor& prediction, const Tensor& target, double beta = 1,
                      LossReduction reduction = LossReduction::mean,
                      Location where = Location::current());
// d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) elsewhere; delta > 0.
Tensor huber_loss(const Tensor& prediction, const Tensor& target, double delta = 1,
                  LossReduction reduction = LossReduction::mean,
                  Location where = Location::current());
// Poisson likelihood of counts: exp(x) - t x, or x - t log(x + epsilon) when x is no logarithm;
// `full` adds Stirling's approximation of log t! where t > 1.
Tensor poisson_nll_loss(const Tensor& prediction, const Tensor& target, bool log_input = true,
                        bool full = false, double epsilon = 1e-8,
                        LossReduction reduction = LossReduction::mean,
                        Location where = Location::current());
// (log v + d^2 / v) / 2 with v = max(variance, epsilon), through which gradients pass as if it were
// the variance; `full` adds log(2 pi) / 2. The variance broadcasts to the prediction.
Tensor gaussian_nll_loss(const Tensor& prediction, const Tensor& target, const Tensor& variance,
                         bool full = false, double epsilon = 1e-6,
                         LossReduction reduction = LossReduction::mean,
                         Location where = Location::current());

// ---- distributions and similarity ---------------------------------------------------------------
// Of log-probabilities x: t (log t - x), 0 where t = 0; with log_target exp(t) (t - x). `mean` is
// over elements, batch_mean over rows.
Tensor kl_div(const Tensor& x, const Tensor& target, LossReduction reduction = LossReduction::mean,
              bool log_target = false, Location where = Location::current());
// a . b / (max(|a|, epsilon) max(|b|, epsilon)) along `axis`; a and b broadcast.
Tensor cosine_similarity(const Tensor& a, const Tensor& b, std::int64_t axis = 1,
                         double epsilon = 1e-8, Location where = Location::current());
// a, b [N, D] (or [D]), signs [N] (or rank 0): 1 - cos where the sign is 1, max(0, cos - margin)
// where it is -1.
Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& signs,
                             double margin = 0, LossReduction reduction = LossReduction::mean,
                             Location where = Location::current());

// ---- margins; signs are 1 or -1, of any dtype ----------------------------------------------------
// max(0, margin - sign * score).
Tensor hinge_loss(const Tensor& scores, const Tensor& signs, double margin = 1,
                  LossReduction reduction = LossReduction::mean,
                  Location where = Location::current());
// x where the sign is 1, max(0, margin - x) where it is -1.
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& signs, double margin = 1,
                            LossReduction reduction = LossReduction::mean,
                            Location where = Location::current());
// max(0, margin - sign * (a - b)).
Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& signs,
                           double margin = 0, LossReduction reduction = LossReduction::mean,
                           Location where = Location::current());
// log(1 + exp(-sign * x)).
Tensor soft_margin_loss(const Tensor& x, const Tensor& signs,
                        LossReduction reduction = LossReduction::mean,
                        Location where = Location::current());

}  // namespace ingrad
