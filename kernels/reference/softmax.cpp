// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/softmax.h"

#include <cmath>
#include <limits>

namespace ingrad::kernels::reference {
namespace {

template <class T>
void softmax(const SoftmaxArgs& a, Range r) {
  for (std::int64_t line = r.begin; line < r.end; ++line) {
    const std::int64_t base = line / a.inner * a.n * a.inner + line % a.inner;
    const T* x = static_cast<const T*>(a.x) + base;
    T* y = static_cast<T*>(a.y) + base;
    double m = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t i = 0; i < a.n; ++i) {
      const double v = x[i * a.inner];
      if (v > m || std::isnan(v)) m = v;
    }
    for (std::int64_t i = 0; i < a.n; ++i) sum += std::exp(x[i * a.inner] - m);
    for (std::int64_t i = 0; i < a.n; ++i) {
      const double t = x[i * a.inner] - m;
      y[i * a.inner] = static_cast<T>(a.log ? t - std::log(sum) : std::exp(t) / sum);
    }
  }
}

template <class T>
void softmax_grad(const SoftmaxGradArgs& a, Range r) {
  for (std::int64_t line = r.begin; line < r.end; ++line) {
    const std::int64_t base = line / a.inner * a.n * a.inner + line % a.inner;
    const T* y = static_cast<const T*>(a.y) + base;
    const T* dy = static_cast<const T*>(a.dy) + base;
    T* dx = static_cast<T*>(a.dx) + base;
    double sum = 0;
    for (std::int64_t i = 0; i < a.n * a.inner; i += a.inner) {
      sum += a.log ? double{dy[i]} : double{dy[i]} * y[i];
    }
    for (std::int64_t i = 0; i < a.n * a.inner; i += a.inner) {
      dx[i] = static_cast<T>(a.log ? dy[i] - std::exp(double{y[i]}) * sum : y[i] * (dy[i] - sum));
    }
  }
}

}  // namespace

void softmax_f32(const SoftmaxArgs& a, Range r) { softmax<float>(a, r); }
void softmax_f64(const SoftmaxArgs& a, Range r) { softmax<double>(a, r); }
void softmax_grad_f32(const SoftmaxGradArgs& a, Range r) { softmax_grad<float>(a, r); }
void softmax_grad_f64(const SoftmaxGradArgs& a, Range r) { softmax_grad<double>(a, r); }

}  // namespace ingrad::kernels::reference
