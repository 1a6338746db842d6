// SPDX-License-Identifier: Apache-2.0
// Golden ops of ops_reduction.
#include <limits>

#include "engine/ops/reduce.h"
#include "engine/ops/scan.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

using Json = nlohmann::json;
using Inputs = std::span<const Tensor>;
using Reduction = Tensor (*)(const Tensor&, IntList, bool, Location);
using Position = Tensor (*)(const Tensor&, std::optional<std::int64_t>, bool, Location);

Call reduction(Reduction function) {
  return [function](const Json& a, Inputs in) {
    return std::vector{function(in[0], ints(a["axes"]), a["keepdim"], Location::current())};
  };
}

Call position(Position function) {
  return [function](const Json& a, Inputs in) {
    return std::vector{
        function(in[0], a["axis"].get<std::int64_t>(), a["keepdim"], Location::current())};
  };
}

double order(const Json& ord) {
  return ord.is_string() ? std::numeric_limits<double>::infinity() : ord.get<double>();
}

}  // namespace

void map_reduction(Mappings& to) {
  to["sum"] = {reduction(sum)};
  to["mean"] = {reduction(mean)};
  to["max"] = {reduction(amax)};
  to["min"] = {reduction(amin)};
  to["prod"] = {reduction(prod)};
  // The gradient exp(x - y) reads the rounded result y: near 1000 its spacing in f32 is 6e-5, in
  // PyTorch's f32 as well.
  to["logsumexp"] = {reduction(logsumexp), 1e-4};
  to["var"] = {[](const Json& a, Inputs in) {
    return std::vector{var(in[0], ints(a["axes"]), a["unbiased"] ? 1 : 0, a["keepdim"])};
  }};
  to["stddev"] = {[](const Json& a, Inputs in) {
    return std::vector{stddev(in[0], ints(a["axes"]), 1, a["keepdim"])};
  }};
  to["norm"] = {[](const Json& a, Inputs in) {
    return std::vector{norm(in[0], order(a["ord"]), ints(a["axes"]), a["keepdim"])};
  }};
  to["argmax"] = {position(argmax)};
  to["argmin"] = {position(argmin)};
  to["cumsum"] = {[](const Json& a, Inputs in) { return std::vector{cumsum(in[0], a["axis"])}; }};
}

}  // namespace ingrad::golden
