// SPDX-License-Identifier: Apache-2.0
#include "engine/gradcheck.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ingrad {
namespace {

// Deterministic directions in [-1, 1]; quality does not matter here (SplitMix64).
class Directions {
 public:
  explicit Directions(std::uint64_t seed) : state_(seed) {}
  Tensor next(const Shape& shape) {
    std::vector<double> v(static_cast<std::size_t>(shape.size()));
    for (double& x : v) x = uniform();
    return Tensor::from<double>(v, shape);
  }

 private:
  double uniform() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-52 - 1;
  }
  std::uint64_t state_;
};

double dot(const Tensor& a, const Tensor& b) {
  const auto x = a.to_vector<double>();
  const auto y = b.to_vector<double>();
  double s = 0;
  for (std::size_t i = 0; i < x.size(); ++i) s += x[i] * y[i];
  return s;
}

class Check {
 public:
  Check(const MultiFn& f, std::span<const Tensor> inputs, const GradcheckOptions& options,
        std::string label)
      : f_(f), inputs_(inputs.begin(), inputs.end()), options_(options), label_(std::move(label)) {}

  GradcheckResult run() {
    Directions directions(options_.seed);
    const std::vector<Tensor> base = f_(inputs_);
    for (const Tensor& o : base) {
      cotangents_.push_back(o.dtype() == DType::f64 ? directions.next(o.shape()) : Tensor());
    }
    const auto [values, analytic] = vjp(f_, inputs_, cotangents_);
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].dtype() == DType::f64) check_input(i, analytic[i]);
    }
    if (options_.forward_mode) check_forward(directions, analytic);
    return result_;
  }

 private:
  // <u, f(x)> for the fixed cotangents u.
  double objective(const std::vector<Tensor>& inputs) const {
    const std::vector<Tensor> out = f_(inputs);
    double s = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (cotangents_[i].defined()) s += dot(cotangents_[i], out[i]);
    }
    return s;
  }

  double difference(std::size_t input, const std::vector<double>& direction) const {
    const auto shifted = [&](double h) {
      std::vector<double> v = inputs_[input].to_vector<double>();
      for (std::size_t k = 0; k < v.size(); ++k) v[k] += h * direction[k];
      std::vector<Tensor> in = inputs_;
      in[input] = Tensor::from<double>(v, inputs_[input].shape());
      return objective(in);
    };
    const double h = options_.step;
    return (shifted(h) - shifted(-h)) / (2 * h);
  }

  void check_input(std::size_t i, const Tensor& analytic) {
    const auto values = analytic.to_vector<double>();
    std::vector<double> direction(values.size(), 0.0);
    const auto limit = static_cast<std::size_t>(options_.max_elements);
    const std::size_t stride = limit == 0 ? 1 : std::max<std::size_t>(values.size() / limit, 1);
    for (std::size_t k = 0; k < values.size(); k += stride) {
      direction[k] = 1;
      compare(fmt::format("input {} element {}", i, k), values[k], difference(i, direction));
      direction[k] = 0;
    }
  }

  // The dot-product identity <u, J v> = <u^T J, v>.
  void check_forward(Directions& directions, const std::vector<Tensor>& analytic) {
    std::vector<Tensor> tangents;
    double backward = 0;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      tangents.push_back(inputs_[i].dtype() == DType::f64 ? directions.next(inputs_[i].shape())
                                                          : Tensor());
      if (tangents[i].defined()) backward += dot(analytic[i], tangents[i]);
    }
    const auto [values, pushed] = jvp(f_, inputs_, tangents);
    double forward = 0;
    for (std::size_t i = 0; i < pushed.size(); ++i) {
      if (cotangents_[i].defined()) forward += dot(cotangents_[i], pushed[i]);
    }
    compare("forward mode against reverse mode", forward, backward);
  }

  void compare(const std::string& what, double got, double expected) {
    const double error = std::abs(got - expected) /
                         (options_.tolerance * std::max(1.0, std::abs(expected)));
    if (error <= 1) {
      result_.worst = std::max(result_.worst, error);
      return;
    }
    if (result_.ok) {
      result_.message = fmt::format("{}{}: {:.12g}, expected {:.12g}", label_, what, got, expected);
    }
    result_.ok = false;
    result_.worst = std::isnan(error) ? error : std::max(result_.worst, error);
  }

  const MultiFn& f_;
  std::vector<Tensor> inputs_;
  GradcheckOptions options_;
  std::string label_;
  std::vector<Tensor> cotangents_;
  GradcheckResult result_;
};

}  // namespace

GradcheckResult gradcheck(const MultiFn& f, std::span<const Tensor> inputs,
                          const GradcheckOptions& options, Location where) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (is_floating(inputs[i].dtype()) && inputs[i].dtype() != DType::f64) {
      throw Error(fmt::format("gradcheck: input {} is {}, expected f64", i,
                              inputs[i].spec().str()),
                  where);
    }
  }
  GradcheckResult first = Check(f, inputs, options, "first order, ").run();
  if (!first.ok || !options.second_order) return first;

  // The gradient of <u, f(x)> as a function of x, for fixed u of another seed.
  std::vector<Tensor> u;
  Directions directions(options.seed + 1);
  for (const Tensor& o : f(inputs)) {
    u.push_back(o.dtype() == DType::f64 ? directions.next(o.shape()) : Tensor());
  }
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].dtype() == DType::f64) wanted.push_back(i);
  }
  const MultiFn backward = [&](std::span<const Tensor> in) {
    const std::vector<Tensor> all = vjp(f, in, u).cotangents;
    std::vector<Tensor> out;
    for (const std::size_t i : wanted) out.push_back(all[i]);
    return out;
  };
  GradcheckResult second = Check(backward, inputs, options, "second order, ").run();
  second.worst = std::max(second.worst, first.worst);
  return second;
}

}  // namespace ingrad
