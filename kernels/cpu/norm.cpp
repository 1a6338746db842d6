// SPDX-License-Identifier: Apache-2.0
// Sums run along the tree of the reductions; the elementwise passes differ only in whether a
// channel's parameters stand for a run of elements (spatial > 1) or lie beside them (spatial == 1).
#include <algorithm>
#include <cmath>

#include "kernels/cpu/norm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/norm.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"
#include "kernels/cpu/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// A parameter as a vector: one channel for all lanes (kRun), or n channels from p on.
template <class T, bool kRun>
HWY_INLINE Vec<T> parameter(const T* p, std::size_t n, T otherwise) {
  const Tag<T> d;
  if (p == nullptr) return hn::Set(d, otherwise);
  return kRun ? hn::Set(d, *p) : load_head(p, n);
}

template <class T>
HWY_INLINE const T* shifted(const T* p, std::int64_t i) {
  return p ? p + i : nullptr;
}

// y = (x - mean) * rstd * weight + bias, `n` elements.
template <class T, bool kRun>
HWY_INLINE void normalise(const T* x, T mean, T rstd, const T* weight, const T* bias,
                          std::int64_t n, T* y) {
  const Tag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const Vec<T> vm = hn::Set(d, mean), vr = hn::Set(d, rstd);
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto left = static_cast<std::size_t>(n - i);
    const std::int64_t at = kRun ? 0 : i;
    const Vec<T> h = hn::Mul(hn::Sub(load_head(x + i, left), vm), vr);
    const Vec<T> w = parameter<T, kRun>(shifted(weight, at), left, T(1));
    const Vec<T> b = parameter<T, kRun>(shifted(bias, at), left, T(0));
    store_head<T>(hn::MulAdd(h, w, b), y + i, left);
  }
}

template <class T>
HWY_INLINE void row_norm(const RowNormArgs& a, Range r) {
  const Tag<T> d;
  const std::int64_t n = a.channels * a.spatial;
  if (n == 0) return;
  const T* const weight = static_cast<const T*>(a.weight);
  const T* const bias = static_cast<const T*>(a.bias);
  for (std::int64_t row = r.begin; row < r.end; ++row) {
    const T* x = static_cast<const T*>(a.x) + row * n;
    const auto count = static_cast<std::size_t>(n);
    const T mean =
        a.centred ? join_contiguous<JoinAdd>(Mapped<T, MapSame>{x, x, hn::Zero(d)}, count) /
                        static_cast<T>(n)
                  : T(0);
    const T variance =
        join_contiguous<JoinAdd>(Mapped<T, MapSquare>{x, x, hn::Set(d, mean)}, count) /
        static_cast<T>(n);
    const T rstd = T(1) / std::sqrt(variance + static_cast<T>(a.epsilon));
    if (a.mean) static_cast<T*>(a.mean)[row] = mean;
    if (a.rstd) static_cast<T*>(a.rstd)[row] = rstd;
    if (a.y == nullptr) continue;
    T* y = static_cast<T*>(a.y) + row * n;
    const std::int64_t first = row % a.groups * a.channels;
    if (a.spatial == 1 || (!weight && !bias)) {
      normalise<T, false>(x, mean, rstd, shifted(weight, first), shifted(bias, first), n, y);
    } else {
      for (std::int64_t c = 0; c < a.channels; ++c) {
        normalise<T, true>(x + c * a.spatial, mean, rstd, shifted(weight, first + c),
                           shifted(bias, first + c), a.spatial, y + c * a.spatial);
      }
    }
  }
}

// dx = dy * weight, `n` elements.
template <class T, bool kRun>
HWY_INLINE void weigh(const T* dy, const T* weight, std::int64_t n, T* dx) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto left = static_cast<std::size_t>(n - i);
    const Vec<T> w = parameter<T, kRun>(kRun ? weight : weight + i, left, T(1));
    store_head<T>(hn::Mul(load_head(dy + i, left), w), dx + i, left);
  }
}

template <class T>
HWY_INLINE void row_norm_grad(const RowNormGradArgs& a, Range r) {
  const Tag<T> d;
  const std::int64_t n = a.channels * a.spatial;
  if (n == 0) return;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto count = static_cast<std::size_t>(n);
  for (std::int64_t row = r.begin; row < r.end; ++row) {
    const T* x = static_cast<const T*>(a.x) + row * n;
    const T* dy = static_cast<const T*>(a.dy) + row * n;
    T* dx = static_cast<T*>(a.dx) + row * n;
    const T mean = a.mean ? static_cast<const T*>(a.mean)[row] : T(0);
    const T rstd = static_cast<const T*>(a.rstd)[row];
    // g goes to dx first, so that its two sums can run over contiguous elements.
    const T* g = dy;
    if (a.weight) {
      const T* weight = static_cast<const T*>(a.weight) + row % a.groups * a.channels;
      if (a.spatial == 1) {
        weigh<T, false>(dy, weight, n, dx);
      } else {
        for (std::int64_t c = 0; c < a.channels; ++c) {
          weigh<T, true>(dy + c * a.spatial, weight + c, a.spatial, dx + c * a.spatial);
        }
      }
      g = dx;
    }
    const T sum =
        a.centred ? join_contiguous<JoinAdd>(Mapped<T, MapSame>{g, g, hn::Zero(d)}, count) : T(0);
    const T product =
        join_contiguous<JoinAdd>(Mapped<T, MapProduct>{x, g, hn::Set(d, mean)}, count) * rstd;
    const Vec<T> vm = hn::Set(d, mean), vr = hn::Set(d, rstd);
    const Vec<T> vs = hn::Set(d, sum / static_cast<T>(n));
    const Vec<T> vp = hn::Set(d, product / static_cast<T>(n));
    for (std::int64_t i = 0; i < n; i += lanes) {
      const auto left = static_cast<std::size_t>(n - i);
      const Vec<T> h = hn::Mul(hn::Sub(load_head(x + i, left), vm), vr);
      const Vec<T> v = hn::NegMulAdd(h, vp, hn::Sub(load_head(g + i, left), vs));
      store_head<T>(hn::Mul(vr, v), dx + i, left);
    }
  }
}

template <class T, bool kRun>
HWY_INLINE void affine(const T* x, const T* z, const T* a, const T* b, const T* d, std::int64_t n,
                       T* y) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto left = static_cast<std::size_t>(n - i);
    const std::int64_t at = kRun ? 0 : i;
    Vec<T> v = parameter<T, kRun>(shifted(d, at), left, T(0));
    if (z) v = hn::MulAdd(load_head(z + i, left), parameter<T, kRun>(b + at, left, T(0)), v);
    v = hn::MulAdd(load_head(x + i, left), parameter<T, kRun>(a + at, left, T(1)), v);
    store_head<T>(v, y + i, left);
  }
}

template <class T>
HWY_INLINE void channel_affine(const ChannelAffineArgs& args, Range r) {
  const T* const x = static_cast<const T*>(args.x);
  const T* const z = static_cast<const T*>(args.z);
  const T* const a = static_cast<const T*>(args.a);
  const T* const b = static_cast<const T*>(args.b);
  const T* const d = static_cast<const T*>(args.d);
  T* const y = static_cast<T*>(args.y);
  if (args.spatial == 1) {
    for (std::int64_t u = r.begin; u < r.end;) {
      const std::int64_t c = u % args.channels;
      const std::int64_t n = std::min(args.channels - c, r.end - u);
      affine<T, false>(x + u, shifted(z, u), a + c, shifted(b, c), shifted(d, c), n, y + u);
      u += n;
    }
    return;
  }
  for (std::int64_t u = r.begin; u < r.end; ++u) {
    const std::int64_t c = u % args.channels, at = u * args.spatial;
    affine<T, true>(x + at, shifted(z, at), a + c, shifted(b, c), shifted(d, c), args.spatial,
                    y + at);
  }
}

void row_norm_f32(const RowNormArgs& a, Range r) { row_norm<float>(a, r); }
void row_norm_f64(const RowNormArgs& a, Range r) { row_norm<double>(a, r); }
void row_norm_grad_f32(const RowNormGradArgs& a, Range r) { row_norm_grad<float>(a, r); }
void row_norm_grad_f64(const RowNormGradArgs& a, Range r) { row_norm_grad<double>(a, r); }
void channel_affine_f32(const ChannelAffineArgs& a, Range r) { channel_affine<float>(a, r); }
void channel_affine_f64(const ChannelAffineArgs& a, Range r) { channel_affine<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(row_norm_f32);
HWY_EXPORT(row_norm_f64);
HWY_EXPORT(row_norm_grad_f32);
HWY_EXPORT(row_norm_grad_f64);
HWY_EXPORT(channel_affine_f32);
HWY_EXPORT(channel_affine_f64);

void row_norm_f32(const RowNormArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(row_norm_f32)(a, r); }
void row_norm_f64(const RowNormArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(row_norm_f64)(a, r); }
void row_norm_grad_f32(const RowNormGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(row_norm_grad_f32)(a, r);
}
void row_norm_grad_f64(const RowNormGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(row_norm_grad_f64)(a, r);
}
void channel_affine_f32(const ChannelAffineArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(channel_affine_f32)(a, r);
}
void channel_affine_f64(const ChannelAffineArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(channel_affine_f64)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
