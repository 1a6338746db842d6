// SPDX-License-Identifier: Apache-2.0
// From the shapes and attributes of a convolution to calls of the convolution kernels.
#pragma once

#include <array>

#include "engine/op.h"
#include "kernels/conv.h"

namespace ingrad {

using Axes3 = std::array<std::int64_t, 3>;

// Sizes and strides of one convolution with three spatial axes, leading ones of extent 1.
struct ConvGeometry {
  std::int64_t batch, groups, in_channels, out_channels;  // channels per group
  Axes3 in{1, 1, 1}, kernel{1, 1, 1}, out{1, 1, 1};
  Axes3 stride{1, 1, 1}, low{0, 0, 0}, dilation{1, 1, 1};

  std::int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  std::int64_t in_points() const { return in[0] * in[1] * in[2]; }
  std::int64_t out_points() const { return out[0] * out[1] * out[2]; }
};

// x [N, G*C, in...], w [G*M, C, kernel...], y [N, G*M, out...], as in kernels/conv.h.
ConvGeometry conv_geometry(const Attrs& attrs, const Shape& x, const Shape& w, const Shape& y);

// What follows the sum, in this order; undefined: nothing. The residual has the shape of the
// result, the gate a bit for each of its elements (kernels/sign_bits.h).
struct ConvEpilogue {
  Tensor bias = {}, residual = {};
  bool relu = false;
  Tensor gate = {};
};

// y = x * w, dx and dw from dy. All tensors dense, of one dtype. `family`: another kernel with the
// arguments of `conv`.
using ConvFamily = kernels::Family<kernels::ConvArgs>;
void run_conv(const EvalArgs& e, const ConvGeometry& g, const Tensor& x, const Tensor& w,
              const ConvEpilogue& epilogue, const Tensor& y,
              const ConvFamily& family = kernels::conv);
void run_conv_data_grad(const EvalArgs& e, const ConvGeometry& g, const Tensor& dy, const Tensor& w,
                        const ConvEpilogue& epilogue, const Tensor& dx,
                        const ConvFamily& family = kernels::conv);
void run_conv_weight_grad(const EvalArgs& e, const ConvGeometry& g, const Tensor& x,
                          const Tensor& dy, const Tensor& dw);

}  // namespace ingrad
