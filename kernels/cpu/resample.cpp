// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/resample.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/resample.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// Across the axis: each entry of the table adds a scaled run of contiguous elements.
template <class T>
void resample_across(const ResampleArgs& a, const ResampleBlock& b) {
  const AxisTable& m = *a.table;
  const Tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* src = static_cast<const T*>(a.src) + b.outer * m.in * a.inner + b.begin;
  T* dst = static_cast<T*>(a.dst) + (b.outer * m.out + b.first) * a.inner + b.begin;
  const auto n = static_cast<std::size_t>(b.end - b.begin);
  const std::int64_t* index = m.index.data() + m.offset[static_cast<std::size_t>(b.first)];
  const double* weight = m.weight.data() + m.offset[static_cast<std::size_t>(b.first)];
  const std::int64_t taps =
      m.offset[static_cast<std::size_t>(b.first) + 1] - m.offset[static_cast<std::size_t>(b.first)];
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    Vec<T> s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (std::int64_t t = 0; t < taps; ++t) {
      const T* x = src + index[t] * a.inner + i;
      const Vec<T> w = hn::Set(d, static_cast<T>(weight[t]));
      s0 = hn::MulAdd(w, hn::LoadU(d, x), s0);
      s1 = hn::MulAdd(w, hn::LoadU(d, x + lanes), s1);
      s2 = hn::MulAdd(w, hn::LoadU(d, x + 2 * lanes), s2);
      s3 = hn::MulAdd(w, hn::LoadU(d, x + 3 * lanes), s3);
    }
    hn::StoreU(s0, d, dst + i);
    hn::StoreU(s1, d, dst + i + lanes);
    hn::StoreU(s2, d, dst + i + 2 * lanes);
    hn::StoreU(s3, d, dst + i + 3 * lanes);
  }
  for (; i < n; i += lanes) {
    const std::size_t left = n - i;
    Vec<T> s = hn::Zero(d);
    for (std::int64_t t = 0; t < taps; ++t) {
      const Vec<T> w = hn::Set(d, static_cast<T>(weight[t]));
      s = hn::MulAdd(w, load_head(src + index[t] * a.inner + i, left), s);
    }
    store_head<T>(s, dst + i, left);
  }
}

// Along the contiguous axis: one look-up in the table serves kRows rows. Rows are computed alike
// whether they come alone or together.
template <class T, int kRows>
void resample_along(const ResampleArgs& a, const ResampleBlock& b, std::int64_t first_row) {
  const AxisTable& m = *a.table;
  const T* src = static_cast<const T*>(a.src) + first_row * m.in;
  T* dst = static_cast<T*>(a.dst) + first_row * m.out;
  const std::int64_t* index = m.index.data();
  const double* weight = m.weight.data();
  const std::int64_t* offset = m.offset.data();
  for (std::int64_t j = b.first; j < b.last; ++j) {
    T sum[kRows] = {};
    for (std::int64_t t = offset[j]; t < offset[j + 1]; ++t) {
      const T w = static_cast<T>(weight[t]);
      const T* x = src + index[t];
      for (int r = 0; r < kRows; ++r) sum[r] += w * x[r * m.in];
    }
    for (int r = 0; r < kRows; ++r) dst[r * m.out + j] = sum[r];
  }
}

template <class T>
void resample(const ResampleArgs& a, Range range) {
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const ResampleBlock b = block_of(a, u);
    if (a.inner > 1) {
      resample_across<T>(a, b);
    } else if (b.rows == 4) {
      resample_along<T, 4>(a, b, b.outer);
    } else {
      for (std::int64_t r = 0; r < b.rows; ++r) resample_along<T, 1>(a, b, b.outer + r);
    }
  }
}

void resample_32(const ResampleArgs& a, Range r) { resample<float>(a, r); }
void resample_64(const ResampleArgs& a, Range r) { resample<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(resample_32);
HWY_EXPORT(resample_64);

void resample_f32(const ResampleArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(resample_32)(a, r); }
void resample_f64(const ResampleArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(resample_64)(a, r); }

}  // namespace ingrad::kernels::cpu
#endif
