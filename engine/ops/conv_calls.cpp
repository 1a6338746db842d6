// SPDX-License-Identifier: Apache-2.0
// The public convolution functions: defaults, batch axis, padding.
#include <fmt/format.h>

#include <algorithm>

#include "engine/op.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/shape.h"
#include "engine/ops/spatial.h"

namespace ingrad {
namespace {

// [C] as [C, 1, 1], to be added to [N, C, H, W].
Tensor over_channels(const Tensor& bias, int rank) {
  std::vector<std::int64_t> e(static_cast<std::size_t>(rank - 1), 1);
  e[0] = bias.dim(0);
  return reshape(bias, e);
}

void require_weight_rank(const char* op, const Tensor& w, int axes, Location where) {
  if (w.rank() == axes + 2) return;
  throw Error(fmt::format("{}: weight {} has rank {}; expected {}", op, w.shape().str(), w.rank(),
                          axes + 2),
              where);
}

Tensor conv_nd(const char* op, int axes, const Tensor& x, const Tensor& weight, const Tensor& bias,
               const ConvOptions& o, Location where) {
  require_weight_rank(op, weight, axes, where);
  const Batched input = batched(op, x, axes, where);
  const Tensor& in = input.x;
  const auto stride = per_axis(op, "stride", o.stride, axes, 1, 1, where);
  const auto dilation = per_axis(op, "dilation", o.dilation, axes, 1, 1, where);
  auto low = per_axis(op, "padding", o.padding, axes, 0, 0, where);
  auto high = low;
  if (o.same_padding) {
    if (!o.padding.empty()) {
      throw Error(fmt::format("{}: padding and same_padding exclude each other", op), where);
    }
    for (int i = 0; i < axes; ++i) {
      const auto a = static_cast<std::size_t>(i);
      const std::int64_t size = in.shape()[2 + i];
      const std::int64_t out = (size + stride[a] - 1) / stride[a];
      const std::int64_t total = std::max<std::int64_t>(
          (out - 1) * stride[a] + dilation[a] * (weight.shape()[2 + i] - 1) + 1 - size, 0);
      low[a] = total / 2;
      high[a] = total - total / 2;
    }
  }
  const Attrs attrs{{"stride", stride},
                    {"padding_low", low},
                    {"padding_high", high},
                    {"dilation", dilation},
                    {"groups", o.groups}};
  std::vector<Tensor> inputs = {in, weight};
  if (bias.defined()) inputs.push_back(bias);
  static const OpDef& def = find_op("conv");
  return input.restore(apply1(def, attrs, inputs, where), where);
}

Tensor conv_transpose_nd(const char* op, int axes, const Tensor& x, const Tensor& weight,
                         const Tensor& bias, const ConvTransposeOptions& o, Location where) {
  require_weight_rank(op, weight, axes, where);
  const Batched input = batched(op, x, axes, where);
  const Tensor& in = input.x;
  const auto stride = per_axis(op, "stride", o.stride, axes, 1, 1, where);
  const auto dilation = per_axis(op, "dilation", o.dilation, axes, 1, 1, where);
  const auto padding = per_axis(op, "padding", o.padding, axes, 0, 0, where);
  const auto extra = per_axis(op, "output_padding", o.output_padding, axes, 0, 0, where);
  if (in.shape()[1] != weight.shape()[0]) {
    throw Error(fmt::format("{}: input {} has {} channels, weight {} takes {}", op,
                            in.shape().str(), in.shape()[1], weight.shape().str(),
                            weight.shape()[0]),
                where);
  }
  std::vector<std::int64_t> size;
  for (int i = 0; i < axes; ++i) {
    const auto a = static_cast<std::size_t>(i);
    if (extra[a] >= std::max(stride[a], dilation[a])) {
      throw Error(fmt::format("{}: output_padding {} must be below max(stride {}, dilation {})", op,
                              extra[a], stride[a], dilation[a]),
                  where);
    }
    const std::int64_t n = (in.shape()[2 + i] - 1) * stride[a] - 2 * padding[a] +
                           dilation[a] * (weight.shape()[2 + i] - 1) + extra[a] + 1;
    if (n < 1) {
      throw Error(fmt::format("{}: the result would have {} points along axis {}", op, n, 2 + i),
                  where);
    }
    size.push_back(n);
  }
  const Attrs attrs{{"stride", stride},     {"padding_low", padding}, {"padding_high", padding},
                    {"dilation", dilation}, {"groups", o.groups},     {"input_size", size}};
  static const OpDef& def = find_op("conv_data_grad");
  Tensor y = apply1(def, attrs, {in, weight}, where);
  if (bias.defined()) {
    if (bias.shape() != Shape{y.shape()[1]}) {
      throw Error(fmt::format("{}: bias {}; expected [{}]", op, bias.shape().str(), y.shape()[1]),
                  where);
    }
    y = add(y, over_channels(bias, y.rank()), where);
  }
  return input.restore(y, where);
}

}  // namespace

Tensor conv1d(const Tensor& x, const Tensor& w, const Tensor& b, const ConvOptions& o,
              Location where) {
  return conv_nd("conv1d", 1, x, w, b, o, where);
}
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& b, const ConvOptions& o,
              Location where) {
  return conv_nd("conv2d", 2, x, w, b, o, where);
}
Tensor conv3d(const Tensor& x, const Tensor& w, const Tensor& b, const ConvOptions& o,
              Location where) {
  return conv_nd("conv3d", 3, x, w, b, o, where);
}
Tensor conv_transpose1d(const Tensor& x, const Tensor& w, const Tensor& b,
                        const ConvTransposeOptions& o, Location where) {
  return conv_transpose_nd("conv_transpose1d", 1, x, w, b, o, where);
}
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& b,
                        const ConvTransposeOptions& o, Location where) {
  return conv_transpose_nd("conv_transpose2d", 2, x, w, b, o, where);
}
Tensor conv_transpose3d(const Tensor& x, const Tensor& w, const Tensor& b,
                        const ConvTransposeOptions& o, Location where) {
  return conv_transpose_nd("conv_transpose3d", 3, x, w, b, o, where);
}

}  // namespace ingrad
