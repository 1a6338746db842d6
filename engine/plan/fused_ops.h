// SPDX-License-Identifier: Apache-2.0
// Ops that only plans have: a product and what follows it, in one kernel. They have no derivatives
// and are in no table.
#pragma once

#include "engine/op.h"
#include "kernels/activation.h"

namespace ingrad {

// What follows a product, as attributes of the fused op: inputs are those of the product, then the
// residual if there is one, then the gate, then the factor.
struct Epilogue {
  bool residual = false;  // added
  kernels::Activation activation = kernels::Activation::none;
  bool slope = false;   // the derivative of a smooth activation is the second output
  bool gate = false;    // zero where its bit is not set: the gradient of ReLU
  bool factor = false;  // multiplied: the gradient of a smooth activation, by its slope
};
// The activation that an op is, of those that the fused form of `product` can end with.
kernels::Activation activation_of(const OpDef& op, const OpDef& product);

// The fused form of "conv", "conv_data_grad", "linear" or "matmul"; null for other ops. The second
// operand of matmul must be a matrix.
const OpDef* fused_form(const OpDef& product);
Attrs fused_attrs(const Attrs& product, const Epilogue& epilogue);
// "conv", "conv_data_grad" or a fused form of one, by Winograd's method: the same inputs, and the
// attributes of the fused form besides `mirrored`, which is set for gradients, and `transformed`:
// unless the weights are constant, what winograd_weights_form() makes of them (with the attribute
// `mirrored`) is one more input, the last.
const OpDef& winograd_form();
const OpDef& winograd_weights_form();
// kernels/sign_bits.h: what a gate is.
const OpDef& sign_bits_form();
// kernels/pair_pool.h: (x) with attribute `gated` gives values and codes; (codes, dy) with
// attribute `size` gives dx.
const OpDef& pair_pool_form();
const OpDef& pair_pool_grad_form();
// kernels/image_lanes.h: [N, C, H, W] into [N / 16, C, H, W, 16] and back, and the above on such
// arrays. lanes_conv takes what winograd_form() does.
const OpDef& into_lanes_form();
const OpDef& out_of_lanes_form();
const OpDef& lanes_conv_form();
const OpDef& lanes_pair_pool_form();
const OpDef& lanes_pair_pool_grad_form();
// kernels/mlp_gradient.h: (x, index, weights..., biases...) with attributes `layers` and `biased`,
// one for each hidden layer.
const OpDef& mlp_gradient_form();
// Of the attributes of a fused op, or of any op, after which nothing follows.
Epilogue epilogue_of(const Attrs& attrs);
// Of the inputs of such an op, those of the product.
std::size_t product_inputs(const Attrs& attrs, std::size_t inputs);

}  // namespace ingrad
