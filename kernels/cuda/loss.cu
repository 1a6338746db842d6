// SPDX-License-Identifier: Apache-2.0
#include "kernels/loss.h"

#include "kernels/cuda/install.h"
#include "kernels/cuda/lines.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

template <class T>
struct ClassWeights {
  const T* w;
  __device__ explicit ClassWeights(const void* weights) : w(static_cast<const T*>(weights)) {}
  __device__ T operator()(std::int64_t c) const { return w ? w[c] : T(1); }
};

// Logits to log probabilities.
template <class T>
struct LogSoftmax {
  T most, log_sum;
  __device__ T operator()(T logit) const { return logit - most - log_sum; }
};

// Of a line of logits, which are -inf behind its end; all threads of the line ask together.
template <class T, class Threads, class X>
__device__ inline LogSoftmax<T> log_softmax_of(const Threads& t, const X& x, T* parts) {
  using Index = typename Threads::Index;
  T most = -static_cast<T>(INFINITY), sum = T(0);
  t.slots([&](int slot, Index c) { most = Largest()(most, x(slot, c)); });
  most = t.all(most, Largest(), parts);
  t.slots([&](int slot, Index c) { sum += std::exp(x(slot, c) - most); });
  return {most, std::log(t.all(sum, Sum(), parts))};
}

template <class Args>
__device__ inline bool counts(const Args& a, std::int64_t target) {
  return target != a.ignore_index && target >= 0 && target < a.n;
}

template <class T>
struct CrossEntropy {
  CrossEntropyArgs a;
  template <class Threads>
  __device__ void operator()(const Threads& t, T* parts) const {
    using Index = typename Threads::Index;
    const std::int64_t target = a.target[t.line];
    T* const loss = static_cast<T*>(a.loss) + t.line;
    if (!counts(a, target)) {
      if (t.first == 0) *loss = T(0);
      return;
    }
    const T* const logits = static_cast<const T*>(a.x) + line_begin(t.line, a.n, a.inner);
    const auto x = t.hold(logits, -static_cast<T>(INFINITY));
    const ClassWeights<T> weight(a.weight);
    const LogSoftmax<T> log_p = log_softmax_of(t, x, parts);
    T spread = T(0);
    if (a.smoothing > 0) {
      t.each([&](int slot, Index c) { spread += weight(c) * log_p(x(slot, c)); });
      spread = t.all(spread, Sum(), parts);
    }
    if (t.first == 0) {
      *loss = -static_cast<T>(1 - a.smoothing) * weight(target) * log_p(logits[target * a.inner]) -
              static_cast<T>(a.smoothing / static_cast<double>(a.n)) * spread;
    }
  }
};

template <class T>
struct CrossEntropyGrad {
  CrossEntropyGradArgs a;
  template <class Threads>
  __device__ void operator()(const Threads& t, T* parts) const {
    using Index = typename Threads::Index;
    const std::int64_t target = a.target[t.line];
    const std::int64_t begin = line_begin(t.line, a.n, a.inner);
    T* const dx = static_cast<T*>(a.dx) + begin;
    if (!counts(a, target)) {
      t.each([&](int, Index c) { dx[t.at(c)] = T(0); });
      return;
    }
    const auto x = t.hold(static_cast<const T*>(a.x) + begin, -static_cast<T>(INFINITY));
    const ClassWeights<T> weight(a.weight);
    const LogSoftmax<T> log_p = log_softmax_of(t, x, parts);
    T total = T(0);
    if (a.smoothing > 0) {
      t.each([&](int, Index c) { total += weight(c); });
      total = t.all(total, Sum(), parts);
    }
    const T dloss = static_cast<const T*>(a.dloss)[t.line];
    const T sharp = static_cast<T>(1 - a.smoothing) * weight(target);
    const T spread = static_cast<T>(a.smoothing / static_cast<double>(a.n));
    t.each([&](int slot, Index c) {
      const T p = std::exp(log_p(x(slot, c)));
      T d = sharp * (p - (c == target ? T(1) : T(0)));
      if (a.smoothing > 0) d += spread * (p * total - weight(c));
      dx[t.at(c)] = dloss * d;
    });
  }
};

template <class T>
void run(const CrossEntropyArgs& a, Range) {
  launch_lines<T>(a.outer * a.inner, a.n, a.inner, CrossEntropy<T>{a});
}
template <class T>
void run_grad(const CrossEntropyGradArgs& a, Range) {
  launch_lines<T>(a.outer * a.inner, a.n, a.inner, CrossEntropyGrad<T>{a});
}

}  // namespace

void install_loss() {
  install_floats(cross_entropy, run<float>, run<double>);
  install_floats(cross_entropy_grad, run_grad<float>, run_grad<double>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
