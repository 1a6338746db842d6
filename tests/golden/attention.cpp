// SPDX-License-Identifier: Apache-2.0
// Golden ops of ops_attention.
#include "engine/ops/attention.h"

#include "tests/golden/golden.h"

namespace ingrad::golden {

void map_attention(Mappings& to) {
  using Json = nlohmann::json;
  using Inputs = std::span<const Tensor>;
  to["scaled_dot_product_attention"] = {[](const Json& a, Inputs in) {
    AttentionOptions o;
    o.causal = a["causal"];
    if (a.contains("scale")) o.scale = a["scale"].get<double>();
    if (in.size() > 3) o.mask = in[3];
    return std::vector{scaled_dot_product_attention(in[0], in[1], in[2], o)};
  }};
}

}  // namespace ingrad::golden
