// SPDX-License-Identifier: Apache-2.0
// Golden ops of ops_indexing.
#include "engine/ops/index.h"
#include "engine/ops/sort.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {

void map_indexing(Mappings& to) {
  using Json = nlohmann::json;
  using Inputs = std::span<const Tensor>;
  to["embedding"] = {[](const Json&, Inputs in) { return std::vector{embedding(in[0], in[1])}; }};
  to["gather"] = {
      [](const Json& a, Inputs in) { return std::vector{gather(in[0], a["axis"], in[1])}; }};
  to["scatter_add"] = {[](const Json& a, Inputs in) {
    return std::vector{scatter_add(in[0], a["axis"], in[1], in[2])};
  }};
  to["index_select"] = {
      [](const Json& a, Inputs in) { return std::vector{index_select(in[0], a["axis"], in[1])}; }};
  to["index_add"] = {[](const Json& a, Inputs in) {
    return std::vector{index_add(in[0], a["axis"], in[1], in[2])};
  }};
  to["tril"] = {[](const Json& a, Inputs in) { return std::vector{tril(in[0], a["diagonal"])}; }};
  to["triu"] = {[](const Json& a, Inputs in) { return std::vector{triu(in[0], a["diagonal"])}; }};
  to["masked_fill"] = {[](const Json& a, Inputs in) {
    return std::vector{masked_fill(in[0], in[1], a["value"].get<double>())};
  }};
  to["one_hot"] = {[](const Json& a, Inputs in) {
    return std::vector{one_hot(in[0], a["num_classes"], DType::f64)};
  }};
  to["sort"] = {[](const Json& a, Inputs in) {
    const auto [values, indices] = sort(in[0], a["axis"], a["descending"]);
    return std::vector{values, indices};
  }};
  to["topk"] = {[](const Json& a, Inputs in) {
    const auto [values, indices] = topk(in[0], a["k"], a["axis"], a["largest"]);
    return std::vector{values, indices};
  }};
}

}  // namespace ingrad::golden
