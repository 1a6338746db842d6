// SPDX-License-Identifier: Apache-2.0
// Golden ops of ops_shape.
#include "engine/ops/shape.h"

#include "engine/ops/concat.h"
#include "engine/ops/pad.h"
#include "engine/ops/slice.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {

void map_shape(Mappings& to) {
  using Json = nlohmann::json;
  using Inputs = std::span<const Tensor>;
  to["reshape"] = {
      [](const Json& a, Inputs in) { return std::vector{reshape(in[0], ints(a["shape"]))}; }};
  to["permute"] = {
      [](const Json& a, Inputs in) { return std::vector{permute(in[0], ints(a["axes"]))}; }};
  to["expand"] = {
      [](const Json& a, Inputs in) { return std::vector{expand(in[0], ints(a["shape"]))}; }};
  to["slice"] = {[](const Json& a, Inputs in) {
    std::vector<Slice> slices;
    for (std::size_t axis = 0; axis < a["starts"].size(); ++axis) {
      slices.push_back({a["starts"][axis].get<std::int64_t>(), a["stops"][axis].get<std::int64_t>(),
                        a["steps"][axis]});
    }
    return std::vector{slice(in[0], slices)};
  }};
  to["concat"] = {[](const Json& a, Inputs in) { return std::vector{concat(in, a["axis"])}; }};
  to["stack"] = {[](const Json& a, Inputs in) { return std::vector{stack(in, a["axis"])}; }};
  to["split"] = {
      [](const Json& a, Inputs in) { return split(in[0], ints(a["sizes"]), a["axis"]); }};
  to["flip"] = {[](const Json& a, Inputs in) { return std::vector{flip(in[0], ints(a["axes"]))}; }};
  to["pad"] = {[](const Json& a, Inputs in) {
    std::vector<Padding> padding;
    for (const Json& pair : a["padding"]) padding.push_back({pair[0], pair[1]});
    return std::vector{
        pad(in[0], padding, pad_mode_from_name(a["mode"].get<std::string>()), a["value"])};
  }};
  to["roll"] = {[](const Json& a, Inputs in) {
    return std::vector{roll(in[0], ints(a["shifts"]), ints(a["axes"]))};
  }};
  to["tile"] = {
      [](const Json& a, Inputs in) { return std::vector{tile(in[0], ints(a["repeats"]))}; }};
}

}  // namespace ingrad::golden
