// SPDX-License-Identifier: Apache-2.0
// The gradient of sum(tanh(W x)) with respect to x against its closed form, and a plan against the
// ops it is made of.
#include <ingrad/ingrad.h>

#include <cmath>
#include <cstdio>

namespace {

using namespace ingrad;

// The largest difference between a model's input gradients by a plan and op by op.
double plan_error() {
  auto model = make_model({"mlp:6-5-3", Shape{6}, 3}, 0);
  auto gradient_of_logits = [&](std::span<const Tensor> in) {
    return std::vector{
        grad([&](const Tensor& x) { return sum(gather((*model)(x), 1, in[1])); }, in[0])};
  };
  const TensorSpec specs[] = {{Shape{8, 6}}, {Shape{8, 1}, DType::i64}};
  Workspace workspace(compile(gradient_of_logits, specs));
  const Tensor inputs[] = {Tensor::full(Shape{5, 6}, 0.3),
                           Tensor::from<std::int64_t>({0, 1, 2, 1, 0}, Shape{5, 1})};
  const auto planned = workspace.run(inputs)[0].to_vector<double>();
  const auto eager = gradient_of_logits(inputs)[0].to_vector<double>();
  double worst = 0;
  for (std::size_t i = 0; i < eager.size(); ++i) {
    worst = std::fmax(worst, std::fabs(planned[i] - eager[i]));
  }
  return worst;
}

}  // namespace

int main() {
  const Tensor w = Tensor::from<double>({0.5, -1, 2, 0.25}, Shape{2, 2});
  const Tensor x = Tensor::from<double>({0.3, -0.7}, Shape{2});
  const Tensor g = grad([&](const Tensor& v) { return sum(tanh(matmul(w, v))); }, x);
  double worst = 0;
  for (int i = 0; i < 2; ++i) {
    double expected = 0;
    const double a[2] = {0.5 * 0.3 + 0.7, 2 * 0.3 - 0.25 * 0.7};
    const double column[2][2] = {{0.5, 2}, {-1, 0.25}};
    for (int r = 0; r < 2; ++r) expected += column[i][r] * (1 - std::tanh(a[r]) * std::tanh(a[r]));
    worst =
        std::fmax(worst, std::fabs(g.to_vector<double>()[static_cast<std::size_t>(i)] - expected));
  }
  std::printf("largest difference %.2e, of a plan %.2e\n", worst, plan_error());
  if (plan_error() != 0) return 1;
  try {
    matmul(w, Tensor::zeros(Shape{3, 2}, DType::f64));
  } catch (const Error& e) {
    std::printf("%s\n", e.what());
    return worst < 1e-12 ? 0 : 1;
  }
  return 1;
}
