// SPDX-License-Identifier: Apache-2.0
#include "models/layers/conv_transpose.h"

#include "models/layers/kernel_shape.h"
#include "models/layers/text.h"

namespace ingrad {

template <int SpatialAxes>
ConvTranspose<SpatialAxes>::ConvTranspose(std::int64_t in, std::int64_t out, IntList kernel,
                                          const ConvTransposeLayerOptions& o, Location where)
    : options_{.stride = o.stride,
               .padding = o.padding,
               .output_padding = o.output_padding,
               .dilation = o.dilation,
               .groups = o.groups} {
  const Shape shape = kernel_shape(fmt::format("ConvTranspose{}d", SpatialAxes), in, out, o.groups,
                                   kernel, SpatialAxes, where);
  weight_ = add_parameter("weight", shape, o.dtype,
                          o.initial_weight ? o.initial_weight : init::default_weight(), where);
  if (!o.bias) return;
  bias_ = add_parameter("bias", {out}, o.dtype,
                        o.initial_bias ? o.initial_bias : init::default_bias(shape), where);
}

template <int SpatialAxes>
std::string ConvTranspose<SpatialAxes>::describe() const {
  const ConvTransposeOptions& o = options_;
  return fmt::format(
      "ConvTranspose{}d({}, {}, kernel={}{}{}{}{}{}{}{})", SpatialAxes, weight_.dim(0),
      weight_.dim(1) * o.groups, extents_text(weight_.shape().extents().subspan(2)),
      extents_option("stride", o.stride, 1), extents_option("padding", o.padding, 0),
      extents_option("output_padding", o.output_padding, 0),
      extents_option("dilation", o.dilation, 1), option_text("groups", o.groups, std::int64_t{1}),
      option_text("bias", bias_.defined(), true), dtype_option(weight_.dtype()));
}

template <int SpatialAxes>
Tensor ConvTranspose<SpatialAxes>::forward(const Tensor& x, Pass& pass) const {
  constexpr auto* convolve = SpatialAxes == 1   ? conv_transpose1d
                             : SpatialAxes == 2 ? conv_transpose2d
                                                : conv_transpose3d;
  return convolve(x, pass(weight_), pass(bias_), options_, Location::current());
}

template class ConvTranspose<1>;
template class ConvTranspose<2>;
template class ConvTranspose<3>;

}  // namespace ingrad
