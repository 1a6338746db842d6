// SPDX-License-Identifier: Apache-2.0
#include "models/layers/conv.h"

#include "models/layers/kernel_shape.h"
#include "models/layers/text.h"

namespace ingrad {

template <int SpatialAxes>
Conv<SpatialAxes>::Conv(std::int64_t in, std::int64_t out, IntList kernel,
                        const ConvLayerOptions& o, Location where)
    : options_{.stride = o.stride,
               .padding = o.padding,
               .dilation = o.dilation,
               .groups = o.groups,
               .same_padding = o.same_padding} {
  const Shape shape = kernel_shape(fmt::format("Conv{}d", SpatialAxes), out, in, o.groups, kernel,
                                   SpatialAxes, where);
  weight_ = add_parameter("weight", shape, o.dtype,
                          o.initial_weight ? o.initial_weight : init::default_weight(), where);
  if (!o.bias) return;
  bias_ = add_parameter("bias", {out}, o.dtype,
                        o.initial_bias ? o.initial_bias : init::default_bias(shape), where);
}

template <int SpatialAxes>
std::string Conv<SpatialAxes>::describe() const {
  const ConvOptions& o = options_;
  return fmt::format(
      "Conv{}d({}, {}, kernel={}{}{}{}{}{}{}{})", SpatialAxes, weight_.dim(1) * o.groups,
      weight_.dim(0), extents_text(weight_.shape().extents().subspan(2)),
      extents_option("stride", o.stride, 1), extents_option("padding", o.padding, 0),
      o.same_padding ? ", padding=same" : "", extents_option("dilation", o.dilation, 1),
      option_text("groups", o.groups, std::int64_t{1}), option_text("bias", bias_.defined(), true),
      dtype_option(weight_.dtype()));
}

template <int SpatialAxes>
Tensor Conv<SpatialAxes>::forward(const Tensor& x, Pass& pass) const {
  constexpr auto* convolve = SpatialAxes == 1 ? conv1d : SpatialAxes == 2 ? conv2d : conv3d;
  return convolve(x, pass(weight_), pass(bias_), options_, Location::current());
}

template class Conv<1>;
template class Conv<2>;
template class Conv<3>;

}  // namespace ingrad
