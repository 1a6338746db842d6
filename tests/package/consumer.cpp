// SPDX-License-Identifier: Apache-2.0
// The gradient of sum(tanh(W x)) with respect to x, checked against its closed form.
#include <ingrad/ingrad.h>

#include <cmath>
#include <cstdio>

int main() {
  using namespace ingrad;
  const Tensor w = Tensor::from<double>({0.5, -1, 2, 0.25}, Shape{2, 2});
  const Tensor x = Tensor::from<double>({0.3, -0.7}, Shape{2});
  const Tensor g = grad([&](const Tensor& v) { return sum(tanh(matmul(w, v))); }, x);
  double worst = 0;
  for (int i = 0; i < 2; ++i) {
    double expected = 0;
    const double a[2] = {0.5 * 0.3 + 0.7, 2 * 0.3 - 0.25 * 0.7};
    const double column[2][2] = {{0.5, 2}, {-1, 0.25}};
    for (int r = 0; r < 2; ++r) expected += column[i][r] * (1 - std::tanh(a[r]) * std::tanh(a[r]));
    worst = std::fmax(worst, std::fabs(g.to_vector<double>()[static_cast<std::size_t>(i)] - expected));
  }
  std::printf("largest difference %.2e\n", worst);
  try {
    matmul(w, Tensor::zeros(Shape{3, 2}, DType::f64));
  } catch (const Error& e) {
    std::printf("%s\n", e.what());
    return worst < 1e-12 ? 0 : 1;
  }
  return 1;
}
