// SPDX-License-Identifier: Apache-2.0
// Pictures as sequences of tokens.
#pragma once

#include "models/module.h"

namespace ingrad {

struct PatchEmbeddingOptions {
  DType dtype = DType::f32;
  Initializer initial_weight = {};  // default: init::default_weight, as for every convolution
  Initializer initial_bias = {};    // default: init::default_bias
};

// A linear map of every patch of a picture, which is a convolution whose stride is its kernel
// (Dosovitskiy et al. 2021): x [N, channels, H, W] to [N, H/patch W/patch, width], patches row by
// row. Parameters: weight [width, channels, patch, patch], bias [width]. Error: H or W is no
// multiple of the patch.
class PatchEmbedding : public Module {
 public:
  PatchEmbedding(std::int64_t channels, std::int64_t patch, std::int64_t width,
                 const PatchEmbeddingOptions& options = {}, Location where = Location::current());
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  Tensor weight_, bias_;
};

// x [N, L, width] with `token` [1, 1, width] before the first position of every row:
// [N, L + 1, width]. The class token of Devlin et al. 2019.
Tensor prepend_token(const Tensor& x, const Tensor& token, Location where = Location::current());

}  // namespace ingrad
