// SPDX-License-Identifier: Apache-2.0
// Max pooling, one output row at a time: the row's running maxima and their positions stay in
// cache while each tap of the window is laid over all columns at once. The loops are written for
// the compiler's vectoriser, which sees them once per instruction set.
#include "kernels/cpu/pool.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

constexpr std::int64_t kColumns = 256;

// Position: as wide as T where planes allow it, so that both fit the same number of lanes.
template <class T, class Position>
struct Best {
  T value[kColumns];
  Position position[kColumns];
};

// Lays one tap over columns [0, n): column t sees row[t * step], at position `here` + t * step.
template <class T, class Position, int kStep>
HWY_INLINE void lay(const T* HWY_RESTRICT row, std::int64_t step, Position here, std::int64_t n,
                    T* HWY_RESTRICT value, Position* HWY_RESTRICT position) {
  const std::int64_t s = kStep > 0 ? kStep : step;
  for (std::int64_t t = 0; t < n; ++t) {
    const T v = row[t * s];
    const bool takes = (v > value[t]) | (v != v);
    value[t] = takes ? v : value[t];
    position[t] = takes ? static_cast<Position>(here + static_cast<Position>(t * s)) : position[t];
  }
}

template <class T, class Position>
void max_pool_row(const MaxPoolArgs& a, const T* plane, const PoolWindow& wz, const PoolWindow& wy,
                  std::int64_t begin, std::int64_t end, Best<T, Position>& best) {
  const PoolAxis& y = a.axis[1];
  const PoolAxis& x = a.axis[2];
  for (std::int64_t t = begin; t < end; ++t) {
    best.value[t - begin] = -std::numeric_limits<T>::infinity();
    best.position[t - begin] =
        static_cast<Position>((wz.begin * y.in + wy.begin) * x.in + window_of(x, t).begin);
  }
  for (std::int64_t i = wz.begin; i < wz.end; i += wz.step) {
    for (std::int64_t j = wy.begin; j < wy.end; j += wy.step) {
      const std::int64_t row = (i * y.in + j) * x.in;
      for (std::int64_t k = 0; k < x.kernel; ++k) {
        // The columns for which this tap exists: 0 <= t * stride + shift < in.
        const std::int64_t shift = k * x.dilation - x.padding;
        const std::int64_t first =
            std::max(begin, shift < 0 ? (x.stride - 1 - shift) / x.stride : 0);
        const std::int64_t last =
            std::min(end, shift < x.in ? (x.in - 1 - shift) / x.stride + 1 : 0);
        if (last <= first) continue;
        const std::int64_t here = row + first * x.stride + shift;
        T* value = best.value + (first - begin);
        Position* position = best.position + (first - begin);
        const auto at = static_cast<Position>(here);
        if (x.stride == 1) {
          lay<T, Position, 1>(plane + here, 1, at, last - first, value, position);
        } else if (x.stride == 2) {
          lay<T, Position, 2>(plane + here, 2, at, last - first, value, position);
        } else {
          lay<T, Position, 0>(plane + here, x.stride, at, last - first, value, position);
        }
      }
    }
  }
}

template <class T, class Position>
void max_pool_rows(const MaxPoolArgs& a, Range range) {
  const auto& [z, y, x] = a.axis;
  Best<T, Position> best;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const T* plane = static_cast<const T*>(a.x) + u / (z.out * y.out) * z.in * y.in * x.in;
    const PoolWindow wz = window_of(z, u / y.out % z.out);
    const PoolWindow wy = window_of(y, u % y.out);
    for (std::int64_t begin = 0; begin < x.out; begin += kColumns) {
      const std::int64_t end = std::min(begin + kColumns, x.out);
      max_pool_row(a, plane, wz, wy, begin, end, best);
      T* values = static_cast<T*>(a.values) + u * x.out + begin;
      std::int64_t* indices = a.indices + u * x.out + begin;
      for (std::int64_t t = 0; t < end - begin; ++t) values[t] = best.value[t];
      for (std::int64_t t = 0; t < end - begin; ++t) indices[t] = best.position[t];
    }
  }
}

// Windows of uneven size (adaptive pooling): one output at a time.
template <class T>
void max_pool_adaptive(const MaxPoolArgs& a, Range range) {
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

template <class T, class Narrow>
void max_pool_any(const MaxPoolArgs& a, Range range) {
  const auto& [z, y, x] = a.axis;
  if (x.first != nullptr) {
    max_pool_adaptive<T>(a, range);
  } else if (z.in * y.in * x.in < std::numeric_limits<std::int32_t>::max()) {
    max_pool_rows<T, Narrow>(a, range);
  } else {
    max_pool_rows<T, std::int64_t>(a, range);
  }
}

void max_pool_32(const MaxPoolArgs& a, Range r) { max_pool_any<float, std::int32_t>(a, r); }
void max_pool_64(const MaxPoolArgs& a, Range r) { max_pool_any<double, std::int64_t>(a, r); }

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
