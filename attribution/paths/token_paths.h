// SPDX-License-Identifier: Apache-2.0
// Integrated Gradients on sequences of embeddings [N, L, D], on paths made for tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/quadrature.h"

namespace ingrad {

struct SequentialIgOptions {
  QuadratureRule rule = QuadratureRule::gauss_legendre;
  int steps = 20;  // per token
  // Embeddings of what stands for no token, [MASK] or [PAD]: [D], or whatever broadcasts to
  // [N, L, D]; the result is the mean over them. Empty: zero.
  std::vector<Tensor> baselines = {};
};
// Sequential Integrated Gradients (Enguehard 2023): for every token the path from its baseline to
// it, all other tokens as they are; its own embedding's part of the gradient counts. The values of
// a token add up to f(x) - f(x with the token at its baseline), those of a sample to nothing in
// particular: there is no delta. Not normalised (the paper's code divides by the norm). Tokens at
// their baseline get 0 and cost nothing. Cost: G = steps per token and baseline.
Attribution explain_sequential_ig(const ModelFn& model, const Tensor& x,
                                  const SequentialIgOptions& method = {},
                                  const ExplainOptions& options = {},
                                  Location where = Location::current());

struct DiscretizedIgOptions {
  Tensor vocabulary = {};  // [V, D]: the real embeddings
  int steps = 30;          // from anchor to anchor
  int subdivisions = 1;    // straight pieces between anchors (the paper's code: 2^factor)
  int neighbours = 50;     // embeddings near the last one, among which the next is chosen
  enum class Strategy : std::uint8_t {
    greedy,     // the one that is changed least when it is made monotone
    max_count,  // the one with the most coordinates that are monotone
  } strategy = Strategy::greedy;
  std::vector<Tensor> baselines = {};  // as above
};
// Discretized Integrated Gradients (Sanyal & Ren 2021): the path of every token goes from its
// embedding to the baseline by way of real embeddings. The next anchor is chosen among those
// nearest to the last, without the baseline and those that the path has had. Coordinates of the
// anchor that are not between those of the point before and of the baseline are moved to the
// straight line between the two, by one of the steps that are left; so, too, where no embedding is
// left. All tokens move together. The gradients at the points are added up by the trapezoid rule
// (the paper's code: at one end of each piece). Complete, as subdivisions become fine. Cost per
// baseline: G = steps + 1; and V D multiplications for every embedding whose neighbours are not
// known yet.
Attribution explain_discretized_ig(const ModelFn& model, const Tensor& x,
                                   const DiscretizedIgOptions& method,
                                   const ExplainOptions& options = {},
                                   Location where = Location::current());

}  // namespace ingrad
