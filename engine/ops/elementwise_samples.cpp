// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/elementwise_samples.h"

#include <fmt/format.h>

#include <map>

#include "engine/ops/compute.h"
#include "kernels/expr-list.h"

namespace ingrad {
namespace {

struct Parameter {
  const char* name;
  double sample;
};
using Parameters = std::vector<Parameter>;

const std::map<std::string_view, Parameters>& parameters() {
  static const std::map<std::string_view, Parameters> all = {
      {"clamp", {{"low", -0.5}, {"high", 0.7}}},
      {"add_scaled", {{"scale", 0.7}}},
      {"scale_shift", {{"scale", 1.5}, {"shift", -0.25}}},
      {"pow_scalar", {{"exponent", 2.5}}},
      {"leaky_relu", {{"negative_slope", 0.1}}},
      {"softplus", {{"beta", 1.5}, {"threshold", 2.6}}},
      {"elu", {{"alpha", 1.3}}},
      {"celu", {{"alpha", 0.8}}},
  };
  return all;
}

// Values of input i lie within scale of shift.
struct Domain {
  double scale = 2;
  double shift = 0;
};

Domain domain_of(std::string_view f, int input) {
  static constexpr std::string_view kPositive[] = {"sqrt", "rsqrt", "log", "log2", "log10",
                                                   "pow_scalar"};
  for (const std::string_view p : kPositive) {
    if (f == p) return {1, 1.4};
  }
  if (f == "reciprocal") return {1, -1.6};
  if (f == "div" && input == 1) return {0.8, 1.5};
  if ((f == "remainder" || f == "floor_divide") && input == 1) return {0.3, 1.5};
  if (f == "pow") return input == 0 ? Domain{1, 1.4} : Domain{2, 0};
  if (f == "log1p") return {0.6, 0.3};
  if (f == "tan") return {1.2, 0};
  if (f == "hardsigmoid" || f == "hardswish") return {4.5, 0};
  return {};
}

Attrs sample_attrs(std::string_view f) {
  Attrs attrs;
  const auto it = parameters().find(f);
  if (it == parameters().end()) return attrs;
  for (const Parameter& p : it->second) attrs.set(p.name, p.sample);
  return attrs;
}

Tensor as_boolean(const Tensor& x) {
  const auto v = x.to_vector<double>();
  Tensor out = Tensor::empty(x.shape(), DType::boolean);
  auto* to = static_cast<std::uint8_t*>(out.mutable_raw());
  for (std::size_t i = 0; i < v.size(); ++i) to[i] = v[i] > 0 ? 1 : 0;
  return out;
}

Tensor as_integers(const Tensor& x, bool nonzero) {
  const auto v = x.to_vector<double>();
  std::vector<std::int64_t> out;
  for (const double e : v) {
    const auto n = static_cast<std::int64_t>(e * 3);
    out.push_back(nonzero && n == 0 ? 2 : n);
  }
  return Tensor::from<std::int64_t>(out, x.shape());
}

Tensor input_sample(const kernels::ElementwiseInfo& f, int i, const Shape& shape) {
  const Domain d = domain_of(f.name, i);
  Tensor x = scaled_values(shape, d.scale, d.shift, i + 1);
  if (f.name == "where" && i == 0) return as_boolean(x);
  return x;
}

// Shapes of up to three inputs.
using Shapes = std::vector<Shape>;
std::vector<Shapes> shape_cases(int arity) {
  if (arity == 1) return {{{3, 5}}, {{1029}}, {{0, 3}}, {{}}};
  if (arity == 2) {
    return {{{3, 5}, {3, 5}}, {{2, 3, 4}, {3, 1}}, {{5}, {}},     {{1, 4}, {3, 1}},
            {{1029}, {1029}}, {{0, 3}, {3}},       {{2, 3, 2}, {3, 2}}};
  }
  return {{{3, 5}, {3, 5}, {3, 5}}, {{2, 3, 4}, {3, 1}, {4}}, {{1029}, {1}, {}}, {{0}, {0}, {1}}};
}

// Comparisons have more to say about small integers than about values that are never equal.
bool prefers_integers(const kernels::ElementwiseInfo& f) { return f.truth && f.integers; }

}  // namespace

const char* parameter_name(std::string_view function, int index) {
  return parameters().at(function)[static_cast<std::size_t>(index)].name;
}

std::string elementwise_doc(std::string_view function) {
#define INGRAD_DOC(name, arity, parameters, differentiable, result, integers, ...) \
  if (function == #name) return "Elementwise: " #__VA_ARGS__ ".";
  INGRAD_EXPR_ALL(INGRAD_DOC)
#undef INGRAD_DOC
  return {};
}

std::vector<Sample> elementwise_samples(const kernels::ElementwiseInfo& f) {
  std::vector<Sample> out;
  // Estimators whose derivative is not that of their value cannot be checked by differences.
  const bool smooth = f.name.find("straight_through") == std::string_view::npos;
  for (const Shapes& shapes : shape_cases(f.arity)) {
    Sample s{sample_attrs(f.name), {}, f.differentiable != 0 && smooth};
    for (int i = 0; i < f.arity; ++i) {
      s.inputs.push_back(input_sample(f, i, shapes[static_cast<std::size_t>(i)]));
    }
    if (f.arity < 3 && shapes[0].rank() == 2 && shapes[0][0] == 3) {
      // A transposed view.
      Sample t = s;
      const Tensor& x = s.inputs[0];
      const Tensor y = input_sample(f, 0, Shape{x.dim(1), x.dim(0)});
      t.inputs[0] = y.as_strided(x.shape(), {1, x.dim(0)}, 0);
      out.push_back(std::move(t));
    }
    out.push_back(std::move(s));
  }
  if (f.integers || prefers_integers(f)) {
    Sample s{sample_attrs(f.name), {}, false};
    const bool divides = f.name == "remainder" || f.name == "floor_divide";
    for (int i = 0; i < f.arity; ++i) {
      const Tensor x = scaled_values(Shape{4, 9}, 2, 0, i + 1);
      s.inputs.push_back(f.name == "where" && i == 0 ? as_boolean(x)
                                                     : as_integers(x, divides && i == 1));
    }
    if (f.parameters == 0) out.push_back(std::move(s));
  }
  return out;
}

std::vector<Sample> derivative_samples(const kernels::ElementwiseInfo& f) {
  std::vector<Sample> out;
  for (Sample s : elementwise_samples(f)) {
    if (!is_floating(s.inputs.back().dtype())) continue;
    Shape shape = s.inputs[0].shape();
    for (const Tensor& t : s.inputs) shape = broadcast_shapes(f.name, shape, t.shape());
    s.inputs.insert(s.inputs.begin(), scaled_values(shape, 1, 0.3, 7));
    s.f32_tolerance = 2e-5;
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace ingrad
