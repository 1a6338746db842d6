// SPDX-License-Identifier: Apache-2.0
// Golden ops of ops_pooling.
#include "engine/ops/pool.h"
#include "engine/ops/resize.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

using Json = nlohmann::json;
using Inputs = std::span<const Tensor>;
using MaxPool = Tensor (*)(const Tensor&, IntList, const MaxPoolOptions&, Location);
using AvgPool = Tensor (*)(const Tensor&, IntList, const AvgPoolOptions&, Location);
using Adaptive = Tensor (*)(const Tensor&, IntList, Location);

Call largest(MaxPool function) {
  return [function](const Json& a, Inputs in) {
    const MaxPoolOptions options{.stride = ints(a["stride"]),
                                 .padding = ints(a["padding"]),
                                 .dilation = ints(a["dilation"]),
                                 .ceil_mode = a["ceil_mode"]};
    return std::vector{function(in[0], ints(a["kernel_size"]), options, Location::current())};
  };
}

Call average(AvgPool function) {
  return [function](const Json& a, Inputs in) {
    const AvgPoolOptions options{.stride = ints(a["stride"]),
                                 .padding = ints(a["padding"]),
                                 .ceil_mode = a["ceil_mode"],
                                 .count_include_pad = a["count_include_pad"]};
    return std::vector{function(in[0], ints(a["kernel_size"]), options, Location::current())};
  };
}

Call adaptive(Adaptive function) {
  return [function](const Json& a, Inputs in) {
    return std::vector{function(in[0], ints(a["output_size"]), Location::current())};
  };
}

}  // namespace

void map_pooling(Mappings& to) {
  to["max_pool1d"] = {largest(max_pool1d)};
  to["max_pool2d"] = {largest(max_pool2d)};
  to["max_pool3d"] = {largest(max_pool3d)};
  to["avg_pool1d"] = {average(avg_pool1d)};
  to["avg_pool2d"] = {average(avg_pool2d)};
  to["avg_pool3d"] = {average(avg_pool3d)};
  to["adaptive_max_pool1d"] = {adaptive(adaptive_max_pool1d)};
  to["adaptive_max_pool2d"] = {adaptive(adaptive_max_pool2d)};
  to["adaptive_max_pool3d"] = {adaptive(adaptive_max_pool3d)};
  to["adaptive_avg_pool1d"] = {adaptive(adaptive_avg_pool1d)};
  to["adaptive_avg_pool2d"] = {adaptive(adaptive_avg_pool2d)};
  to["adaptive_avg_pool3d"] = {adaptive(adaptive_avg_pool3d)};
  to["upsample"] = {[](const Json& a, Inputs in) {
    const ResizeOptions options{
        .mode = a["mode"] == "nearest" ? Interpolation::nearest : Interpolation::linear,
        .align_corners = a["align_corners"]};
    return std::vector{resize(in[0], ints(a["size"]), options)};
  }};
}

}  // namespace ingrad::golden
