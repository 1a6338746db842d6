// SPDX-License-Identifier: Apache-2.0
// As the softmax kernels: contiguous rows along the tree of the reductions, neighbouring lines as
// vectors across lines. What concerns the one target class of a line is done in scalars.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/loss.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/loss.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"
#include "kernels/cpu/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

struct MapDifference {  // x - c
  static constexpr bool kOther = false;
  template <class D, class V>
  static HWY_INLINE V map(D, V x, V, V c) { return hn::Sub(x, c); }
};

template <class T>
HWY_INLINE T sum_of_weights(const void* weight, std::int64_t n) {
  if (weight == nullptr) return static_cast<T>(n);
  const T* w = static_cast<const T*>(weight);
  const Tag<T> d;
  return join_contiguous<JoinAdd>(Mapped<T, MapSame>{w, w, hn::Zero(d)},
                                  static_cast<std::size_t>(n));
}

template <class T>
HWY_INLINE T weight_of(const void* weight, std::int64_t c) {
  return weight ? static_cast<const T*>(weight)[c] : T(1);
}

// Maximum and log of the sum of exponentials of up to a vector of lines; `step` from class to class.
template <class T>
struct LineStatistics {
  Vec<T> max, sum;
};
template <class T>
HWY_INLINE LineStatistics<T> statistics(const T* x, std::int64_t n, std::int64_t step,
                                        std::size_t width) {
  const Tag<T> d;
  Vec<T> m = load_head(x, width);
  for (std::int64_t c = 1; c < n; ++c) m = JoinMaximum::join(m, load_head(x + c * step, width));
  Vec<T> s = hn::Zero(d);
  for (std::int64_t c = 0; c < n; ++c) {
    s = hn::Add(s, exp_shifted(d, hn::Sub(load_head(x + c * step, width), m)));
  }
  return {m, s};
}

// The loss of one line from its statistics; `shifted` is sum w[c] (x[c] - max).
template <class T>
HWY_INLINE T loss_of(const CrossEntropyArgs& a, std::int64_t t, T x_target, T max, T log_sum,
                     T shifted, T total_weight) {
  const T s = static_cast<T>(a.smoothing);
  T loss = (T(1) - s) * weight_of<T>(a.weight, t) * (log_sum - (x_target - max));
  if (a.smoothing > 0) loss += s / static_cast<T>(a.n) * (total_weight * log_sum - shifted);
  return loss;
}

template <class T>
HWY_INLINE void loss_row(const CrossEntropyArgs& a, std::int64_t u, T total_weight) {
  const Tag<T> d;
  T* const loss = static_cast<T*>(a.loss);
  const std::int64_t t = a.target[u];
  if (t == a.ignore_index) {
    loss[u] = T(0);
    return;
  }
  const T* x = static_cast<const T*>(a.x) + u * a.n;
  const auto n = static_cast<std::size_t>(a.n);
  const T m = join_contiguous<JoinMaximum>(Mapped<T, MapSame>{x, x, hn::Zero(d)}, n);
  const Vec<T> shift = hn::Set(d, m);
  const T log_sum = std::log(join_contiguous<JoinAdd>(Mapped<T, MapExp>{x, x, shift}, n));
  T shifted = T(0);
  if (a.smoothing > 0) {
    const T* w = static_cast<const T*>(a.weight);
    shifted = w ? join_contiguous<JoinAdd>(Mapped<T, MapProduct>{x, w, shift}, n)
                : join_contiguous<JoinAdd>(Mapped<T, MapDifference>{x, x, shift}, n);
  }
  loss[u] = loss_of<T>(a, t, x[t], m, log_sum, shifted, total_weight);
}

template <class T>
HWY_INLINE void loss_lines(const CrossEntropyArgs& a, std::int64_t u, std::size_t width,
                           T total_weight) {
  const Tag<T> d;
  const T* x = static_cast<const T*>(a.x) + u / a.inner * a.n * a.inner + u % a.inner;
  const LineStatistics<T> s = statistics(x, a.n, a.inner, width);
  Vec<T> shifted = hn::Zero(d);
  for (std::int64_t c = 0; c < a.n && a.smoothing > 0; ++c) {
    shifted = hn::MulAdd(hn::Set(d, weight_of<T>(a.weight, c)),
                         hn::Sub(load_head(x + c * a.inner, width), s.max), shifted);
  }
  HWY_ALIGN T max[hn::MaxLanes(Tag<T>())], log_sum[hn::MaxLanes(Tag<T>())],
      total[hn::MaxLanes(Tag<T>())];
  hn::Store(s.max, d, max);
  hn::Store(hn::Log(d, s.sum), d, log_sum);
  hn::Store(shifted, d, total);
  for (std::size_t i = 0; i < width; ++i) {
    const std::int64_t t = a.target[u + static_cast<std::int64_t>(i)];
    T& loss = static_cast<T*>(a.loss)[u + static_cast<std::int64_t>(i)];
    loss = t == a.ignore_index
               ? T(0)
               : loss_of<T>(a, t, x[t * a.inner + static_cast<std::int64_t>(i)], max[i],
                            log_sum[i], total[i], total_weight);
  }
}

template <class T>
HWY_INLINE void cross_entropy(const CrossEntropyArgs& a, Range r) {
  if (a.n == 0) {  // every line is ignored: no class exists
    std::fill(static_cast<T*>(a.loss) + r.begin, static_cast<T*>(a.loss) + r.end, T(0));
    return;
  }
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  const T total_weight = sum_of_weights<T>(a.weight, a.n);
  for (std::int64_t u = r.begin; u < r.end;) {
    const std::int64_t width =
        a.inner == 1 ? 1 : std::min({lanes, a.inner - u % a.inner, r.end - u});
    if (a.inner == 1) {
      loss_row<T>(a, u, total_weight);
    } else {
      loss_lines<T>(a, u, static_cast<std::size_t>(width), total_weight);
    }
    u += width;
  }
}

// ---- backward: dx = exp(x - max) * of_exp - w * of_weight, then the target's own part ------------
template <class T>
struct LineFactors {
  T of_exp, of_weight, of_target;
};
template <class T>
HWY_INLINE LineFactors<T> factors(const CrossEntropyGradArgs& a, std::int64_t u, T sum,
                                  T total_weight) {
  const std::int64_t t = a.target[u];
  if (t == a.ignore_index) return {T(0), T(0), T(0)};
  const T g = static_cast<const T*>(a.dloss)[u];
  const T own = (T(1) - static_cast<T>(a.smoothing)) * weight_of<T>(a.weight, t);
  const T spread = static_cast<T>(a.smoothing) / static_cast<T>(a.n);
  return {g * (own + spread * total_weight) / sum, g * spread, g * own};
}

template <class T>
HWY_INLINE void grad_row(const CrossEntropyGradArgs& a, std::int64_t u, T total_weight) {
  const Tag<T> d;
  const T* x = static_cast<const T*>(a.x) + u * a.n;
  T* dx = static_cast<T*>(a.dx) + u * a.n;
  const auto n = static_cast<std::size_t>(a.n);
  if (a.target[u] == a.ignore_index) {
    std::fill(dx, dx + n, T(0));
    return;
  }
  const T m = join_contiguous<JoinMaximum>(Mapped<T, MapSame>{x, x, hn::Zero(d)}, n);
  const Vec<T> shift = hn::Set(d, m);
  const T sum = join_contiguous<JoinAdd>(Mapped<T, MapExp>{x, x, shift}, n);
  const LineFactors<T> f = factors<T>(a, u, sum, total_weight);
  const Vec<T> of_exp = hn::Set(d, f.of_exp), of_weight = hn::Set(d, f.of_weight);
  const T* w = static_cast<const T*>(a.weight);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    const Vec<T> e = exp_shifted(d, hn::Sub(load_head(x + i, n - i), shift));
    const Vec<T> vw = w ? load_head(w + i, n - i) : hn::Set(d, T(1));
    store_head<T>(hn::Sub(hn::Mul(e, of_exp), hn::Mul(vw, of_weight)), dx + i, n - i);
  }
  dx[a.target[u]] -= f.of_target;
}

template <class T>
HWY_INLINE void grad_lines(const CrossEntropyGradArgs& a, std::int64_t u, std::size_t width,
                           T total_weight) {
  const Tag<T> d;
  const std::int64_t base = u / a.inner * a.n * a.inner + u % a.inner;
  const T* x = static_cast<const T*>(a.x) + base;
  T* dx = static_cast<T*>(a.dx) + base;
  const LineStatistics<T> s = statistics(x, a.n, a.inner, width);
  HWY_ALIGN T sum[hn::MaxLanes(Tag<T>())], of_exp[hn::MaxLanes(Tag<T>())] = {},
      of_weight[hn::MaxLanes(Tag<T>())] = {}, of_target[hn::MaxLanes(Tag<T>())] = {};
  hn::Store(s.sum, d, sum);
  for (std::size_t i = 0; i < width; ++i) {
    const LineFactors<T> f =
        factors<T>(a, u + static_cast<std::int64_t>(i), sum[i], total_weight);
    of_exp[i] = f.of_exp;
    of_weight[i] = f.of_weight;
    of_target[i] = f.of_target;
  }
  const Vec<T> ve = hn::Load(d, of_exp), vw = hn::Load(d, of_weight);
  const auto ignored = hn::Eq(ve, hn::Zero(d));
  for (std::int64_t c = 0; c < a.n; ++c) {
    const Vec<T> e = exp_shifted(d, hn::Sub(load_head(x + c * a.inner, width), s.max));
    // 0 * NaN would leave a trace of the logits on an ignored line.
    const Vec<T> p = hn::IfThenZeroElse(ignored, hn::Mul(e, ve));
    const Vec<T> v = hn::Sub(p, hn::Mul(hn::Set(d, weight_of<T>(a.weight, c)), vw));
    store_head<T>(v, dx + c * a.inner, width);
  }
  for (std::size_t i = 0; i < width; ++i) {
    const std::int64_t t = a.target[u + static_cast<std::int64_t>(i)];
    if (t != a.ignore_index) dx[t * a.inner + static_cast<std::int64_t>(i)] -= of_target[i];
  }
}

template <class T>
HWY_INLINE void cross_entropy_grad(const CrossEntropyGradArgs& a, Range r) {
  if (a.n == 0) return;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  const T total_weight = sum_of_weights<T>(a.weight, a.n);
  for (std::int64_t u = r.begin; u < r.end;) {
    const std::int64_t width =
        a.inner == 1 ? 1 : std::min({lanes, a.inner - u % a.inner, r.end - u});
    if (a.inner == 1) {
      grad_row<T>(a, u, total_weight);
    } else {
      grad_lines<T>(a, u, static_cast<std::size_t>(width), total_weight);
    }
    u += width;
  }
}

void cross_entropy_f32(const CrossEntropyArgs& a, Range r) { cross_entropy<float>(a, r); }
void cross_entropy_f64(const CrossEntropyArgs& a, Range r) { cross_entropy<double>(a, r); }
void cross_entropy_grad_f32(const CrossEntropyGradArgs& a, Range r) {
  cross_entropy_grad<float>(a, r);
}
void cross_entropy_grad_f64(const CrossEntropyGradArgs& a, Range r) {
  cross_entropy_grad<double>(a, r);
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(cross_entropy_f32);
HWY_EXPORT(cross_entropy_f64);
HWY_EXPORT(cross_entropy_grad_f32);
HWY_EXPORT(cross_entropy_grad_f64);

void cross_entropy_f32(const CrossEntropyArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(cross_entropy_f32)(a, r);
}
void cross_entropy_f64(const CrossEntropyArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(cross_entropy_f64)(a, r);
}
void cross_entropy_grad_f32(const CrossEntropyGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(cross_entropy_grad_f32)(a, r);
}
void cross_entropy_grad_f64(const CrossEntropyGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(cross_entropy_grad_f64)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
