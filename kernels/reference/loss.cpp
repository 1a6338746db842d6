// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ingrad::kernels::reference {
namespace {

// One line of logits with what both passes need of it.
template <class T, class Args>
class Line {
 public:
  Line(const Args& a, std::int64_t line)
      : a_(a), base_(line / a.inner * a.n * a.inner + line % a.inner) {
    for (std::int64_t c = 0; c < a.n; ++c) {
      const double v = x(c);
      if (v > max_ || std::isnan(v)) max_ = v;
      total_weight_ += weight(c);
    }
    double sum = 0;
    for (std::int64_t c = 0; c < a.n; ++c) sum += std::exp(x(c) - max_);
    log_sum_ = std::log(sum);
  }
  std::int64_t index(std::int64_t c) const { return base_ + c * a_.inner; }
  double x(std::int64_t c) const { return static_cast<const T*>(a_.x)[index(c)]; }
  double weight(std::int64_t c) const {
    return a_.weight ? double{static_cast<const T*>(a_.weight)[c]} : 1.0;
  }
  double total_weight() const { return total_weight_; }
  double log_p(std::int64_t c) const { return x(c) - max_ - log_sum_; }

 private:
  const Args& a_;
  std::int64_t base_;
  double max_ = -std::numeric_limits<double>::infinity();
  double log_sum_ = 0;
  double total_weight_ = 0;
};

template <class T>
void cross_entropy(const CrossEntropyArgs& a, Range r) {
  for (std::int64_t u = r.begin; u < r.end; ++u) {
    const std::int64_t t = a.target[u];
    double loss = 0;
    if (t != a.ignore_index) {
      const Line<T, CrossEntropyArgs> line(a, u);
      loss = -(1 - a.smoothing) * line.weight(t) * line.log_p(t);
      for (std::int64_t c = 0; c < a.n && a.smoothing > 0; ++c) {
        loss -= a.smoothing / static_cast<double>(a.n) * line.weight(c) * line.log_p(c);
      }
    }
    static_cast<T*>(a.loss)[u] = static_cast<T>(loss);
  }
}

template <class T>
void cross_entropy_grad(const CrossEntropyGradArgs& a, Range r) {
  for (std::int64_t u = r.begin; u < r.end; ++u) {
    const std::int64_t t = a.target[u];
    const Line<T, CrossEntropyGradArgs> line(a, u);
    const double dloss = static_cast<const T*>(a.dloss)[u];
    const double spread = a.smoothing / static_cast<double>(a.n);
    for (std::int64_t c = 0; c < a.n; ++c) {
      double dx = 0;
      if (t != a.ignore_index) {
        const double p = std::exp(line.log_p(c));
        dx = (1 - a.smoothing) * line.weight(t) * (p - (c == t ? 1 : 0)) +
             spread * (p * line.total_weight() - line.weight(c));
      }
      static_cast<T*>(a.dx)[line.index(c)] = static_cast<T>(dloss * dx);
    }
  }
}

}  // namespace

void cross_entropy_f32(const CrossEntropyArgs& a, Range r) { cross_entropy<float>(a, r); }
void cross_entropy_f64(const CrossEntropyArgs& a, Range r) { cross_entropy<double>(a, r); }
void cross_entropy_grad_f32(const CrossEntropyGradArgs& a, Range r) {
  cross_entropy_grad<float>(a, r);
}
void cross_entropy_grad_f64(const CrossEntropyGradArgs& a, Range r) {
  cross_entropy_grad<double>(a, r);
}

}  // namespace ingrad::kernels::reference
