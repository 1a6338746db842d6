// SPDX-License-Identifier: Apache-2.0
// Golden ops of ops_convolution and ops_matmul.
#include "engine/ops/conv.h"
#include "engine/ops/matmul.h"
#include "engine/ops/shape.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

using Convolution = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const ConvOptions&,
                               Location);
using Transposed = Tensor (*)(const Tensor&, const Tensor&, const Tensor&,
                              const ConvTransposeOptions&, Location);

Tensor optional(std::span<const Tensor> inputs, std::size_t i) {
  return i < inputs.size() ? inputs[i] : Tensor();
}

Call plain(Convolution function) {
  return [function](const nlohmann::json& a, std::span<const Tensor> in) {
    const ConvOptions options{.stride = ints(a["stride"]),
                              .padding = ints(a["padding"]),
                              .dilation = ints(a["dilation"]),
                              .groups = a["groups"]};
    return std::vector{function(in[0], in[1], optional(in, 2), options, Location::current())};
  };
}

Call transposed(Transposed function) {
  return [function](const nlohmann::json& a, std::span<const Tensor> in) {
    const ConvTransposeOptions options{.stride = ints(a["stride"]),
                                       .padding = ints(a["padding"]),
                                       .output_padding = ints(a["output_padding"]),
                                       .dilation = ints(a["dilation"]),
                                       .groups = a["groups"]};
    return std::vector{function(in[0], in[1], optional(in, 2), options, Location::current())};
  };
}

}  // namespace

void map_convolution(Mappings& to) {
  to["conv1d"] = {plain(conv1d)};
  to["conv2d"] = {plain(conv2d)};
  to["conv3d"] = {plain(conv3d)};
  to["conv_transpose1d"] = {transposed(conv_transpose1d)};
  to["conv_transpose2d"] = {transposed(conv_transpose2d)};
  to["conv_transpose3d"] = {transposed(conv_transpose3d)};
}

void map_matmul(Mappings& to) {
  to["matmul"] = {[](const nlohmann::json& a, std::span<const Tensor> in) {
    const Tensor lhs = a["transpose_lhs"] ? transpose(in[0], -1, -2) : in[0];
    const Tensor rhs = a["transpose_rhs"] ? transpose(in[1], -1, -2) : in[1];
    return std::vector{matmul(lhs, rhs)};
  }};
  to["linear"] = {[](const nlohmann::json&, std::span<const Tensor> in) {
    return std::vector{linear(in[0], in[1], optional(in, 2))};
  }};
  to["einsum"] = {[](const nlohmann::json& a, std::span<const Tensor> in) {
    return std::vector{einsum(a["equation"].get<std::string>(), in)};
  }};
}

}  // namespace ingrad::golden
