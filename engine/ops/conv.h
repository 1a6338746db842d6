// SPDX-License-Identifier: Apache-2.0
// Convolution over 1 to 3 spatial axes. dtypes f32, f64; bf16 and f16 are computed in f32 and
// rounded once.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor.h"

namespace ingrad {

// One entry per spatial axis; a single entry holds for all, an empty list means the default.
struct ConvOptions {
  std::vector<std::int64_t> stride = {};    // default 1
  std::vector<std::int64_t> padding = {};   // zeros on both sides, default 0
  std::vector<std::int64_t> dilation = {};  // default 1
  std::int64_t groups = 1;
  // Pads so that the output has ceil(size / stride) points, the odd zero at the end; excludes
  // `padding`.
  bool same_padding = false;
};

// x [N, C, spatial...] (or without N) with weight [M, C / groups, kernel...] and bias [M] (may be
// undefined) gives [N, M, spatial'...], spatial' = (spatial + 2 padding - dilation (kernel - 1) - 1)
// / stride + 1, rounded down. It is a cross-correlation, as in every deep-learning library.
// Error when channels, groups or ranks do not fit or the kernel is larger than the padded input.
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const ConvOptions& options = {}, Location where = Location::current());
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const ConvOptions& options = {}, Location where = Location::current());
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const ConvOptions& options = {}, Location where = Location::current());

struct ConvTransposeOptions {
  std::vector<std::int64_t> stride = {};
  std::vector<std::int64_t> padding = {};         // taken away from both sides of the result
  std::vector<std::int64_t> output_padding = {};  // added at the end; < max(stride, dilation)
  std::vector<std::int64_t> dilation = {};
  std::int64_t groups = 1;
};

// The transpose of convolution: x [N, C, spatial...] with weight [C, M / groups, kernel...] gives
// [N, M, spatial'...], spatial' = (spatial - 1) stride - 2 padding + dilation (kernel - 1) +
// output_padding + 1.
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTransposeOptions& options = {},
                        Location where = Location::current());
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTransposeOptions& options = {},
                        Location where = Location::current());
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTransposeOptions& options = {},
                        Location where = Location::current());

}  // namespace ingrad
