// SPDX-License-Identifier: Apache-2.0
// Per-target include (see Highway's foreach_target): the only header that names Highway types.
// No OpenMP pragma and no lambda inside the per-target namespace: threads live outside.
#if defined(INGRAD_KERNELS_CPU_LANE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGRAD_KERNELS_CPU_LANE_INL_H_
#undef INGRAD_KERNELS_CPU_LANE_INL_H_
#else
#define INGRAD_KERNELS_CPU_LANE_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using Vec = hn::Vec<Tag<T>>;

// Loads the first n (<= lanes) elements, zero elsewhere, touching no byte beyond them. Highway's
// own masked load reads whole aligned vectors where the machine has no masked load: a copy instead.
template <class T>
HWY_INLINE Vec<T> load_head(const T* p, std::size_t n) {
  const Tag<T> d;
  if (n >= hn::Lanes(d)) return hn::LoadU(d, p);
  constexpr bool kMaskedLoads = HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && sizeof(T) >= 4;
  if constexpr (kMaskedLoads) {
    return hn::MaskedLoad(hn::FirstN(d, n), d, p);
  } else {
    HWY_ALIGN T lanes[hn::MaxLanes(Tag<T>())] = {};
    std::memcpy(lanes, p, n * sizeof(T));
    return hn::Load(d, lanes);
  }
}

// Stores the first n (<= lanes) elements.
template <class T>
HWY_INLINE void store_head(Vec<T> v, T* p, std::size_t n) {
  const Tag<T> d;
  if (n >= hn::Lanes(d)) {
    hn::StoreU(v, d, p);
  } else {
    hn::BlendedStore(v, hn::FirstN(d, n), d, p);
  }
}

// Makes the compiler load `v` before its uses, rather than again in each of them.
template <class V>
HWY_INLINE void keep_in_register([[maybe_unused]] V& v) {
#if HWY_ARCH_X86 && (HWY_COMPILER_GCC || HWY_COMPILER_CLANG)
  asm("" : "+v"(v.raw));
#endif
}

// Where masked-off lanes are neither read nor written, and masks are cheap.
inline constexpr bool kMasked = HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3;

// dst[i] = src[i] for low <= i < high, zero for the other i < n; 0 <= low <= high <= n.
template <class T>
HWY_INLINE void copy_between(const T* src, std::int64_t low, std::int64_t high, std::int64_t n,
                             T* dst) {
  if constexpr (kMasked) {
    const Tag<T> d;
    constexpr std::int64_t kStep = hn::MaxLanes(Tag<T>());
    for (std::int64_t i = 0; i < n; i += kStep) {
      const auto skip = static_cast<std::size_t>(std::clamp<std::int64_t>(low - i, 0, kStep));
      const auto end = static_cast<std::size_t>(std::clamp<std::int64_t>(high - i, 0, kStep));
      const auto mask = hn::AndNot(hn::FirstN(d, skip), hn::FirstN(d, end));
      store_head<T>(hn::MaskedLoad(mask, d, src + i), dst + i, static_cast<std::size_t>(n - i));
    }
  } else {
    std::fill_n(dst, low, T(0));
    std::copy_n(src + low, high - low, dst + low);
    std::fill_n(dst + high, n - high, T(0));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif
