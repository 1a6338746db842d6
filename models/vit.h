// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/layers/sequential.h"

namespace ingrad {

enum class VitPool : std::uint8_t {
  token,  // the output at the class token
  mean,   // the mean over all patches; there is no class token
};

struct VitOptions {
  std::int64_t patch = 4;  // height and width of a patch
  std::int64_t width = 192;
  std::int64_t layers = 6;
  std::int64_t heads = 3;
  std::int64_t hidden = 0;  // units of a block's hidden layer; 0: four times the width
  VitPool pool = VitPool::token;
  double dropout = 0;            // after the position embedding and in the blocks
  double attention_dropout = 0;  // of the weights of attention
  bool zero_init_head = false;   // as torchvision: all logits, and all gradients, start at zero
  DType dtype = DType::f32;
};

// Vision transformer (Dosovitskiy et al. 2021): linearly embedded patches, a class token before
// them, a learned position embedding, blocks with norms first and GELU, a layer norm and a linear
// head. `input` is [C, H, W] with H and W multiples of the patch; x must have these extents.
// Parameter names are torchvision's: class_token, conv_proj.weight, encoder.pos_embedding,
// encoder.layers.encoder_layer_0.self_attention.in_proj_weight, ...mlp.0.weight, encoder.ln.weight,
// heads.head.weight; so are initial values, but for the head's weight: normal with standard
// deviation 0.02, truncated at two of them. Error as MultiHeadAttention, and for numbers below 1.
class Vit : public Module {
 public:
  Vit(const Shape& input, std::int64_t outputs, const VitOptions& options = {},
      Location where = Location::current());
  std::string describe() const override { return description_; }

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;

  Shape input_;
  VitPool pool_;
  Tensor class_token_;  // undefined without one
  const Module *patches_, *encoder_, *head_;
  std::string description_;
};

}  // namespace ingrad
