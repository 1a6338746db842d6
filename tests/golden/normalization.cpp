// SPDX-License-Identifier: Apache-2.0
// Golden ops of ops_normalization.
#include "engine/ops/norm.h"
#include "engine/ops/softmax.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {

void map_normalization(Mappings& to) {
  using Json = nlohmann::json;
  using Inputs = std::span<const Tensor>;
  const auto optional = [](Inputs in, std::size_t i) { return i < in.size() ? in[i] : Tensor(); };
  to["batch_norm_train"] = {[](const Json& a, Inputs in) {
    const BatchNormResult r =
        batch_norm_train(in[0], in[3], in[4], in[1], in[2], a["momentum"], a["eps"]);
    return std::vector{r.y, r.running_mean, r.running_variance};
  }};
  to["batch_norm_eval"] = {[](const Json& a, Inputs in) {
    return std::vector{batch_norm_eval(in[0], in[3], in[4], in[1], in[2], a["eps"])};
  }};
  to["layer_norm"] = {[=](const Json& a, Inputs in) {
    return std::vector{
        layer_norm(in[0], ints(a["normalized_shape"]), optional(in, 1), optional(in, 2), a["eps"])};
  }};
  to["rms_norm"] = {[=](const Json& a, Inputs in) {
    return std::vector{
        rms_norm(in[0], ints(a["normalized_shape"]), optional(in, 1), a["eps"].get<double>())};
  }};
  to["group_norm"] = {[](const Json& a, Inputs in) {
    return std::vector{group_norm(in[0], a["num_groups"], in[1], in[2], a["eps"])};
  }};
  to["instance_norm"] = {[](const Json& a, Inputs in) {
    return std::vector{instance_norm(in[0], in[1], in[2], a["eps"])};
  }};
  to["softmax"] = {[](const Json& a, Inputs in) { return std::vector{softmax(in[0], a["axis"])}; }};
  to["log_softmax"] = {
      [](const Json& a, Inputs in) { return std::vector{log_softmax(in[0], a["axis"])}; }};
}

}  // namespace ingrad::golden
