// SPDX-License-Identifier: Apache-2.0
// Lines with inner == 1 are contiguous rows and use the tree of the reductions. Otherwise strips of
// neighbouring lines advance together, vectors across lines, and sums run along n in order.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/softmax.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/softmax.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"
#include "kernels/cpu/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// y = exp(x - m), n elements.
template <class T>
HWY_INLINE void exp_row(const T* x, T m, std::size_t n, T* y) {
  const Tag<T> d;
  const Vec<T> shift = hn::Set(d, m);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    store_head<T>(exp_shifted(d, hn::Sub(load_head(x + i, n - i), shift)), y + i, n - i);
  }
}

template <class T>
HWY_INLINE void divide_row(T* y, T s, std::size_t n) {
  const Tag<T> d;
  const Vec<T> divisor = hn::Set(d, s);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    store_head<T>(hn::Div(load_head(y + i, n - i), divisor), y + i, n - i);
  }
}

// y = (x - m) - l.
template <class T>
HWY_INLINE void shift_row(const T* x, T m, T l, std::size_t n, T* y) {
  const Tag<T> d;
  const Vec<T> vm = hn::Set(d, m), vl = hn::Set(d, l);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    store_head<T>(hn::Sub(hn::Sub(load_head(x + i, n - i), vm), vl), y + i, n - i);
  }
}

template <class T>
HWY_INLINE void softmax_row(const T* x, T* y, std::size_t n, bool log) {
  const Tag<T> d;
  const T m = join_contiguous<JoinMaximum>(Mapped<T, MapSame>{x, x, hn::Zero(d)}, n);
  if (log) {
    const T s = join_contiguous<JoinAdd>(Mapped<T, MapExp>{x, x, hn::Set(d, m)}, n);
    shift_row(x, m, std::log(s), n, y);
  } else {
    exp_row(x, m, n, y);
    divide_row(y, join_contiguous<JoinAdd>(Mapped<T, MapSame>{y, y, hn::Zero(d)}, n), n);
  }
}

// One vector of `width` lines that lie next to each other; `step` elements from row to row.
template <class T>
HWY_INLINE void softmax_lines(const T* x, T* y, std::int64_t n, std::int64_t step,
                              std::size_t width, bool log) {
  const Tag<T> d;
  Vec<T> m = load_head(x, width);
  for (std::int64_t i = 1; i < n; ++i) m = JoinMaximum::join(m, load_head(x + i * step, width));
  Vec<T> s = hn::Zero(d);
  for (std::int64_t i = 0; i < n; ++i) {
    const Vec<T> e = exp_shifted(d, hn::Sub(load_head(x + i * step, width), m));
    if (!log) store_head<T>(e, y + i * step, width);
    s = hn::Add(s, e);
  }
  const Vec<T> l = hn::Log(d, s);
  for (std::int64_t i = 0; i < n; ++i) {
    const Vec<T> v = log ? hn::Sub(hn::Sub(load_head(x + i * step, width), m), l)
                         : hn::Div(load_head(y + i * step, width), s);
    store_head<T>(v, y + i * step, width);
  }
}

template <class T>
HWY_INLINE void softmax_all(const SoftmaxArgs& a, Range r) {
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  if (a.n == 0) return;
  for (std::int64_t line = r.begin; line < r.end;) {
    const std::int64_t o = line / a.inner, k = line % a.inner;
    const std::int64_t base = o * a.n * a.inner + k;
    const T* x = static_cast<const T*>(a.x) + base;
    T* y = static_cast<T*>(a.y) + base;
    if (a.inner == 1) {
      softmax_row(x, y, static_cast<std::size_t>(a.n), a.log);
      ++line;
    } else {
      const std::int64_t width = std::min({lanes, a.inner - k, r.end - line});
      softmax_lines(x, y, a.n, a.inner, static_cast<std::size_t>(width), a.log);
      line += width;
    }
  }
}

// dx from y, dy and the sum of the line, one vector.
template <class T>
HWY_INLINE Vec<T> grad_of(Vec<T> y, Vec<T> dy, Vec<T> sum, bool log) {
  const Tag<T> d;
  return log ? hn::Sub(dy, hn::Mul(exp_shifted(d, y), sum)) : hn::Mul(y, hn::Sub(dy, sum));
}

template <class T>
HWY_INLINE void grad_row(const T* y, const T* dy, T* dx, std::size_t n, bool log) {
  const Tag<T> d;
  const T s = log ? join_contiguous<JoinAdd>(Mapped<T, MapSame>{dy, dy, hn::Zero(d)}, n)
                  : join_contiguous<JoinAdd>(Mapped<T, MapProduct>{dy, y, hn::Zero(d)}, n);
  const Vec<T> sum = hn::Set(d, s);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    store_head<T>(grad_of<T>(load_head(y + i, n - i), load_head(dy + i, n - i), sum, log), dx + i,
                  n - i);
  }
}

template <class T>
HWY_INLINE void grad_lines(const T* y, const T* dy, T* dx, std::int64_t n, std::int64_t step,
                           std::size_t width, bool log) {
  const Tag<T> d;
  Vec<T> s = hn::Zero(d);
  for (std::int64_t i = 0; i < n; ++i) {
    const Vec<T> v = load_head(dy + i * step, width);
    s = hn::Add(s, log ? v : hn::Mul(v, load_head(y + i * step, width)));
  }
  for (std::int64_t i = 0; i < n; ++i) {
    store_head<T>(grad_of<T>(load_head(y + i * step, width), load_head(dy + i * step, width), s,
                             log),
                  dx + i * step, width);
  }
}

template <class T>
HWY_INLINE void softmax_grad_all(const SoftmaxGradArgs& a, Range r) {
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  if (a.n == 0) return;
  for (std::int64_t line = r.begin; line < r.end;) {
    const std::int64_t o = line / a.inner, k = line % a.inner;
    const std::int64_t base = o * a.n * a.inner + k;
    const T* y = static_cast<const T*>(a.y) + base;
    const T* dy = static_cast<const T*>(a.dy) + base;
    T* dx = static_cast<T*>(a.dx) + base;
    if (a.inner == 1) {
      grad_row(y, dy, dx, static_cast<std::size_t>(a.n), a.log);
      ++line;
    } else {
      const std::int64_t width = std::min({lanes, a.inner - k, r.end - line});
      grad_lines(y, dy, dx, a.n, a.inner, static_cast<std::size_t>(width), a.log);
      line += width;
    }
  }
}

void softmax_f32(const SoftmaxArgs& a, Range r) { softmax_all<float>(a, r); }
void softmax_f64(const SoftmaxArgs& a, Range r) { softmax_all<double>(a, r); }
void softmax_grad_f32(const SoftmaxGradArgs& a, Range r) { softmax_grad_all<float>(a, r); }
void softmax_grad_f64(const SoftmaxGradArgs& a, Range r) { softmax_grad_all<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(softmax_f32);
HWY_EXPORT(softmax_f64);
HWY_EXPORT(softmax_grad_f32);
HWY_EXPORT(softmax_grad_f64);

void softmax_f32(const SoftmaxArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(softmax_f32)(a, r); }
void softmax_f64(const SoftmaxArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(softmax_f64)(a, r); }
void softmax_grad_f32(const SoftmaxGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(softmax_grad_f32)(a, r);
}
void softmax_grad_f64(const SoftmaxGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(softmax_grad_f64)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
