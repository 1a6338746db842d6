// SPDX-License-Identifier: Apache-2.0
// Golden ops of ops_elementwise.
#include "engine/ops/elementwise.h"

#include <limits>

#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

using Json = nlohmann::json;
using Inputs = std::span<const Tensor>;
using Unary = Tensor (*)(const Tensor&, Location);
using Binary = Tensor (*)(const Arg&, const Arg&, Location);

Call unary(Unary function) {
  return [function](const Json&, Inputs in) {
    return std::vector{function(in[0], Location::current())};
  };
}

Call binary(Binary function) {
  return [function](const Json&, Inputs in) {
    return std::vector{function(in[0], in[1], Location::current())};
  };
}

Call rounding(Unary plain, Unary straight_through) {
  return [=](const Json& a, Inputs in) {
    const Unary function = a["straight_through"] ? straight_through : plain;
    return std::vector{function(in[0], Location::current())};
  };
}

double bound(const Json& value, double unbounded) {
  return value.is_null() ? unbounded : value.get<double>();
}

}  // namespace

void map_elementwise(Mappings& to) {
  const std::pair<const char*, Unary> unaries[] = {{"abs", abs},
                                                   {"sign", sign},
                                                   {"neg", neg},
                                                   {"exp", exp},
                                                   {"expm1", expm1},
                                                   {"square", square},
                                                   {"sin", sin},
                                                   {"cos", cos},
                                                   {"tan", tan},
                                                   {"tanh", tanh},
                                                   {"atan", atan},
                                                   {"erf", erf},
                                                   {"sigmoid", sigmoid},
                                                   {"log", log},
                                                   {"log1p", log1p},
                                                   {"sqrt", sqrt},
                                                   {"rsqrt", rsqrt},
                                                   {"reciprocal", reciprocal},
                                                   {"exp2", exp2},
                                                   {"ceil", ceil},
                                                   {"log2", log2},
                                                   {"log10", log10},
                                                   {"log_sigmoid", log_sigmoid},
                                                   {"selu", selu},
                                                   {"softsign", softsign},
                                                   {"tanhshrink", tanhshrink},
                                                   {"relu", relu},
                                                   {"silu", silu},
                                                   {"mish", mish},
                                                   {"hardswish", hardswish},
                                                   {"hardsigmoid", hardsigmoid}};
  for (const auto& [name, function] : unaries) to[name] = {unary(function)};
  const std::pair<const char*, Binary> binaries[] = {{"remainder", remainder},
                                                     {"floor_divide", floor_divide},
                                                     {"logical_and", logical_and},
                                                     {"logical_or", logical_or},
                                                     {"logical_xor", logical_xor},
                                                     {"add", add},
                                                     {"sub", sub},
                                                     {"mul", mul},
                                                     {"div", div},
                                                     {"pow", pow},
                                                     {"maximum", maximum},
                                                     {"minimum", minimum},
                                                     {"eq", eq},
                                                     {"ne", ne},
                                                     {"lt", lt},
                                                     {"le", le},
                                                     {"gt", gt},
                                                     {"ge", ge}};
  for (const auto& [name, function] : binaries) to[name] = {binary(function)};

  to["floor"] = {rounding(floor, floor_straight_through)};
  to["round"] = {rounding(round, round_straight_through)};
  to["pow_scalar"] = {[](const Json& a, Inputs in) {
    return std::vector{pow(in[0], a["exponent"].get<double>())};
  }};
  to["clamp"] = {[](const Json& a, Inputs in) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return std::vector{clamp(in[0], bound(a["min"], -kInfinity), bound(a["max"], kInfinity))};
  }};
  to["leaky_relu"] = {
      [](const Json& a, Inputs in) { return std::vector{leaky_relu(in[0], a["negative_slope"])}; }};
  to["elu"] = {[](const Json& a, Inputs in) { return std::vector{elu(in[0], a["alpha"])}; }};
  to["celu"] = {[](const Json& a, Inputs in) { return std::vector{celu(in[0], a["alpha"])}; }};
  to["gelu"] = {[](const Json& a, Inputs in) {
    const bool tanh_form = a.value("approximate", "none") == "tanh";
    return std::vector{tanh_form ? gelu_tanh(in[0]) : gelu(in[0])};
  }};
  to["softplus"] = {[](const Json& a, Inputs in) {
    return std::vector{softplus(in[0], a.value("beta", 1.0), a.value("threshold", 20.0))};
  }};
  to["where"] = {[](const Json&, Inputs in) { return std::vector{where(in[0], in[1], in[2])}; }};
}

}  // namespace ingrad::golden
