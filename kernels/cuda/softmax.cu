// SPDX-License-Identifier: Apache-2.0
#include "kernels/softmax.h"

#include "kernels/cuda/install.h"
#include "kernels/cuda/lines.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

template <class T, bool kLog>
struct Softmax {
  SoftmaxArgs a;
  template <class Threads>
  __device__ void operator()(const Threads& t, T* parts) const {
    using Index = typename Threads::Index;
    const std::int64_t begin = line_begin(t.line, a.n, a.inner);
    T* const y = static_cast<T*>(a.y) + begin;
    const auto x = t.hold(static_cast<const T*>(a.x) + begin, -static_cast<T>(INFINITY));
    T most = -static_cast<T>(INFINITY), sum = T(0);
    t.slots([&](int slot, Index i) { most = Largest()(most, x(slot, i)); });
    most = t.all(most, Largest(), parts);
    // Zero behind the end of the line.
    const auto power = t.template hold<T>(
        [&](int slot, Index i) { return std::exp(x(slot, i) - most); });
    t.slots([&](int slot, Index i) { sum += power(slot, i); });
    sum = t.all(sum, Sum(), parts);
    const T shift = kLog ? std::log(sum) : T(1) / sum;
    t.each([&](int slot, Index i) {
      y[t.at(i)] = kLog ? x(slot, i) - most - shift : power(slot, i) * shift;
    });
  }
};

template <class T, bool kLog>
struct SoftmaxGrad {
  SoftmaxGradArgs a;
  template <class Threads>
  __device__ void operator()(const Threads& t, T* parts) const {
    using Index = typename Threads::Index;
    const std::int64_t begin = line_begin(t.line, a.n, a.inner);
    T* const dx = static_cast<T*>(a.dx) + begin;
    const auto y = t.hold(static_cast<const T*>(a.y) + begin, T(0));
    const auto dy = t.hold(static_cast<const T*>(a.dy) + begin, T(0));
    T sum = T(0);
    t.slots([&](int slot, Index i) { sum += kLog ? dy(slot, i) : dy(slot, i) * y(slot, i); });
    sum = t.all(sum, Sum(), parts);
    t.each([&](int slot, Index i) {
      const T value = y(slot, i), g = dy(slot, i);
      dx[t.at(i)] = kLog ? g - std::exp(value) * sum : value * (g - sum);
    });
  }
};

template <class T>
void run(const SoftmaxArgs& a, Range) {
  const std::int64_t lines = a.outer * a.inner;
  if (a.log) return launch_lines<T>(lines, a.n, a.inner, Softmax<T, true>{a});
  launch_lines<T>(lines, a.n, a.inner, Softmax<T, false>{a});
}
template <class T>
void run_grad(const SoftmaxGradArgs& a, Range) {
  const std::int64_t lines = a.outer * a.inner;
  if (a.log) return launch_lines<T>(lines, a.n, a.inner, SoftmaxGrad<T, true>{a});
  launch_lines<T>(lines, a.n, a.inner, SoftmaxGrad<T, false>{a});
}

}  // namespace

void install_softmax() {
  install_floats(softmax, run<float>, run<double>);
  install_floats(softmax_grad, run_grad<float>, run_grad<double>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
