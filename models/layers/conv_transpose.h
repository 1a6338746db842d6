// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/int_list.h"
#include "engine/ops/conv.h"
#include "models/module.h"

namespace ingrad {

// Lists have one entry per spatial axis, or one for all.
struct ConvTransposeLayerOptions {
  std::vector<std::int64_t> stride = {};          // default 1
  std::vector<std::int64_t> padding = {};         // default 0
  std::vector<std::int64_t> output_padding = {};  // default 0
  std::vector<std::int64_t> dilation = {};        // default 1
  std::int64_t groups = 1;
  bool bias = true;
  DType dtype = DType::f32;
  Initializer initial_weight = {};  // default: init::default_weight, as in PyTorch
  Initializer initial_bias = {};    // default: init::default_bias
};

// x [N, in, spatial...] to [N, out, spatial'...]; see conv_transpose2d. Parameters: weight [in, out
// / groups, kernel...], bias [out]. `kernel`: one entry per spatial axis, or one for all.
template <int SpatialAxes>
class ConvTranspose : public Module {
 public:
  ConvTranspose(std::int64_t in, std::int64_t out, IntList kernel,
                const ConvTransposeLayerOptions& options = {},
                Location where = Location::current());
  std::string describe() const override;

  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  // undefined without one

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  ConvTransposeOptions options_;
  Tensor weight_, bias_;
};

using ConvTranspose1d = ConvTranspose<1>;
using ConvTranspose2d = ConvTranspose<2>;
using ConvTranspose3d = ConvTranspose<3>;
extern template class ConvTranspose<1>;
extern template class ConvTranspose<2>;
extern template class ConvTranspose<3>;

}  // namespace ingrad
