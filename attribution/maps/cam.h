// SPDX-License-Identifier: Apache-2.0
// Class activation maps: where in a layer is what speaks for a class.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/maps/cam_formulas.h"

namespace ingrad {

// How the tokens of a transformer's layer [T, D] lie in the picture: `skip` others (class tokens)
// come first, the rest are the rows of a grid. T = skip + height * width.
struct TokenGrid {
  std::int64_t height = 0, width = 0;
  std::int64_t skip = 1;
};

struct CamOptions {
  // Layers by name (attribution/layers/layers.h), [C, h, w] or tokens. With several, every map is
  // divided by its largest value and the mean is taken at the size of the input; they share one
  // pass.
  std::vector<std::string> layers = {};
  bool relu = true;  // negative values become 0; Captum: only if asked for
  // To the size of the input, bilinearly (corners not aligned); otherwise one map [N, 1, h, w] of
  // the layer's size. Samples must be [C, H, W].
  bool resize = true;
  std::optional<TokenGrid> tokens = {};  // of layers [T, D]
  std::uint64_t seed = 1;                // of random_cam
};
// Maps [N, 1, H, W] of one rule or several, in their order; all rules share one forward and
// backward pass per sample. A map may be zero everywhere: Attribution::dead says so. Error for an
// unknown layer, one of another shape, tokens that do not fill the grid.
std::vector<Attribution> explain_cams(const ModelFn& model, const Tensor& x,
                                      const std::vector<CamRule>& rules, const CamOptions& method,
                                      const ExplainOptions& options = {},
                                      Location where = Location::current());
Attribution explain_cam(const ModelFn& model, const Tensor& x, CamRule rule,
                        const CamOptions& method, const ExplainOptions& options = {},
                        Location where = Location::current());

struct AblationCamOptions {
  CamOptions cam = {};  // one layer
  // The weight of a channel: (f - f without it) / |f| as the paper, with the sign of the drop kept
  // for f below 0, and 0 for f = 0; or the drop itself.
  bool relative = true;
};
// Desai & Ramaswamy 2020: channels weighted by how far f falls when they are zero. Only what comes
// after the layer is computed for every channel. Evaluates each sample C + 2 times.
Attribution explain_ablation_cam(const ModelFn& model, const Tensor& x,
                                 const AblationCamOptions& method,
                                 const ExplainOptions& options = {},
                                 Location where = Location::current());

struct ScoreCamOptions {
  CamOptions cam = {};                 // one layer of pictures [C, h, w] or tokens
  std::vector<Tensor> baselines = {};  // what hidden pixels become; the first is used. Empty: zero
};
// Wang et al. 2020: channels weighted by the softmax over channels of f at the picture masked by
// the channel's map, brought to the picture's size and to [0, 1]. A channel that is the same
// everywhere masks nothing and gets weight 0. With f a logit the softmax is nearly one-hot, with a
// probability nearly uniform. Evaluates each sample C + 2 times.
Attribution explain_score_cam(const ModelFn& model, const Tensor& x, const ScoreCamOptions& method,
                              const ExplainOptions& options = {},
                              Location where = Location::current());

}  // namespace ingrad
