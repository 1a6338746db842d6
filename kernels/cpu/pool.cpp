// SPDX-License-Identifier: Apache-2.0
// Max pooling, a vector of neighbouring outputs at a time: their running maxima and positions stay
// in registers while every tap of the window is laid over them.
#include "kernels/cpu/pool.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

template <class T>
inline constexpr std::int64_t kLanes = hn::MaxLanes(Tag<T>());
template <class T>
using Mask = hn::Mask<Tag<T>>;

// Lane i gets row[at + i * stride] where that index is in [0, size); `exists` says where.
template <class T>
HWY_INLINE Vec<T> load_strided(const T* row, std::int64_t size, std::int64_t stride,
                               std::int64_t at, Mask<T>& exists) {
  const Tag<T> d;
  constexpr std::int64_t n = kLanes<T>;
  exists = hn::FirstN(d, static_cast<std::size_t>(n));
  if (stride == 1 && at >= 0 && at + n <= size) return hn::LoadU(d, row + at);
  if (stride == 2 && at >= 0 && at + 2 * n <= size) {
    return hn::ConcatEven(d, hn::LoadU(d, row + at + n), hn::LoadU(d, row + at));
  }
  const std::int64_t low = std::clamp<std::int64_t>((stride - 1 - at) / stride, 0, n);
  const std::int64_t high =
      size > at ? std::clamp<std::int64_t>((size - at + stride - 1) / stride, low, n) : low;
  exists = hn::AndNot(hn::FirstN(d, static_cast<std::size_t>(low)),
                      hn::FirstN(d, static_cast<std::size_t>(high)));
  if constexpr (kMasked) {
    // Lanes that do not exist are not read.
    if (stride == 1) return hn::MaskedLoad(exists, d, row + at);
    if (stride == 2) {
      Vec<T> half[2];
      for (int h = 0; h < 2; ++h) {
        const std::int64_t from = at + h * n;
        const auto skip = static_cast<std::size_t>(std::clamp<std::int64_t>(-from, 0, n));
        const auto end = static_cast<std::size_t>(std::clamp<std::int64_t>(size - from, 0, n));
        half[h] =
            hn::MaskedLoad(hn::AndNot(hn::FirstN(d, skip), hn::FirstN(d, end)), d, row + from);
      }
      return hn::ConcatEven(d, half[1], half[0]);
    }
  }
  HWY_ALIGN T lanes[n] = {};
  for (std::int64_t i = low; i < high; ++i) lanes[i] = row[at + i * stride];
  return hn::Load(d, lanes);
}

// Outputs t to t + count (at most the lanes) of one row.
template <class T>
HWY_INLINE void max_pool_vector(const MaxPoolArgs& a, const T* plane, const PoolWindow& wz,
                                const PoolWindow& wy, std::int64_t t, std::int64_t count, T* values,
                                std::int64_t* indices) {
  const Tag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  using Position = hn::TFromD<decltype(di)>;
  const PoolAxis &y = a.axis[1], &x = a.axis[2];
  HWY_ALIGN Position lanes[kLanes<T>];
  for (std::int64_t i = 0; i < kLanes<T>; ++i) lanes[i] = static_cast<Position>(i * x.stride);
  const auto steps = hn::Load(di, lanes);
  Vec<T> best = hn::Zero(d);
  auto position = hn::Zero(di);
  Mask<T> none = hn::FirstN(d, static_cast<std::size_t>(kLanes<T>));  // seen so far
  for (std::int64_t i = wz.begin; i < wz.end; i += wz.step) {
    for (std::int64_t j = wy.begin; j < wy.end; j += wy.step) {
      const std::int64_t row = (i * y.in + j) * x.in;
      for (std::int64_t k = 0; k < x.kernel; ++k) {
        const std::int64_t at = t * x.stride + k * x.dilation - x.padding;
        Mask<T> exists;
        const Vec<T> v = load_strided(plane + row, x.in, x.stride, at, exists);
        const Mask<T> takes = hn::And(exists, hn::Or(none, hn::Or(hn::Gt(v, best), hn::IsNaN(v))));
        best = hn::IfThenElse(takes, v, best);
        const auto here = hn::Add(steps, hn::Set(di, static_cast<Position>(row + at)));
        position = hn::IfThenElse(hn::RebindMask(di, takes), here, position);
        none = hn::AndNot(exists, none);
      }
    }
  }
  store_head<T>(best, values, static_cast<std::size_t>(count));
  hn::Store(position, di, lanes);
  for (std::int64_t i = 0; i < count; ++i) indices[i] = lanes[i];
}

template <class T>
void max_pool_rows(const MaxPoolArgs& a, Range range) {
  const auto& [z, y, x] = a.axis;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const T* plane = static_cast<const T*>(a.x) + u / (z.out * y.out) * z.in * y.in * x.in;
    const PoolWindow wz = window_of(z, u / y.out % z.out);
    const PoolWindow wy = window_of(y, u % y.out);
    for (std::int64_t t = 0; t < x.out; t += kLanes<T>) {
      max_pool_vector(a, plane, wz, wy, t, std::min(kLanes<T>, x.out - t),
                      static_cast<T*>(a.values) + u * x.out + t, a.indices + u * x.out + t);
    }
  }
}

// Any windows (adaptive pooling, planes too large for positions as wide as T): one output at a
// time.
template <class T>
void max_pool_single(const MaxPoolArgs& a, Range range) {
  const auto& [z, y, x] = a.axis;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const T* plane = static_cast<const T*>(a.x) + u / (z.out * y.out) * z.in * y.in * x.in;
    const PoolWindow wz = window_of(z, u / y.out % z.out);
    const PoolWindow wy = window_of(y, u % y.out);
    for (std::int64_t t = 0; t < x.out; ++t) {
      const PoolWindow wx = window_of(x, t);
      std::int64_t best = (wz.begin * y.in + wy.begin) * x.in + wx.begin;
      T value = plane[best];
      for (std::int64_t i = wz.begin; i < wz.end; i += wz.step) {
        for (std::int64_t j = wy.begin; j < wy.end; j += wy.step) {
          const std::int64_t row = (i * y.in + j) * x.in;
          for (std::int64_t k = row + wx.begin; k < row + wx.end; k += wx.step) {
            if (plane[k] > value || plane[k] != plane[k]) {
              value = plane[k];
              best = k;
            }
          }
        }
      }
      static_cast<T*>(a.values)[u * x.out + t] = value;
      a.indices[u * x.out + t] = best;
    }
  }
}

template <class T>
void max_pool_any(const MaxPoolArgs& a, Range range) {
  const auto& [z, y, x] = a.axis;
  const bool narrow = z.in * y.in * x.in <= std::numeric_limits<std::int32_t>::max() / 2;
  if (x.first == nullptr && (narrow || sizeof(T) == 8)) {
    max_pool_rows<T>(a, range);
  } else {
    max_pool_single<T>(a, range);
  }
}

void max_pool_32(const MaxPoolArgs& a, Range r) { max_pool_any<float>(a, r); }
void max_pool_64(const MaxPoolArgs& a, Range r) { max_pool_any<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(max_pool_32);
HWY_EXPORT(max_pool_64);

void max_pool_f32(const MaxPoolArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(max_pool_32)(a, r); }
void max_pool_f64(const MaxPoolArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(max_pool_64)(a, r); }

}  // namespace ingrad::kernels::cpu
#endif
