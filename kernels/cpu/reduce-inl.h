// SPDX-License-Identifier: Apache-2.0
// Per-target include: the fixed tree along which float reductions are joined (see ReduceArgs), as
// templates over what is done to an element (Map) and how two results are joined (Join).
#if defined(INGRAD_KERNELS_CPU_REDUCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGRAD_KERNELS_CPU_REDUCE_INL_H_
#undef INGRAD_KERNELS_CPU_REDUCE_INL_H_
#else
#define INGRAD_KERNELS_CPU_REDUCE_INL_H_
#endif

#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "kernels/cpu/lane-inl.h"
#include "kernels/cpu/reduce.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// exp for arguments that are at most 0, or +infinity, or NaN: within 1 ULP, keeps NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_shifted(D d, V x) {
  using T = hn::TFromD<D>;
  const V infinity = hn::Set(d, std::numeric_limits<T>::infinity());
  const V y = hn::Exp(d, hn::Min(x, hn::Zero(d)));
  return hn::IfThenElse(hn::Or(hn::IsNaN(x), hn::Eq(x, infinity)), x, y);
}

// ---- joins. An identity joined to any x gives x, bit for bit (hence -0 for sums). --------------
struct JoinAdd {
  template <class T>
  static constexpr T identity() {
    return T(-0.0);
  }
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    return hn::Add(a, b);
  }
};

struct JoinMultiply {
  template <class T>
  static constexpr T identity() {
    return T(1);
  }
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    return hn::Mul(a, b);
  }
};

// Maximum and minimum keep the first of equals, and a NaN once met.
struct JoinMaximum {
  template <class T>
  static constexpr T identity() {
    return -std::numeric_limits<T>::infinity();
  }
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    return hn::IfThenElse(hn::Or(hn::Ge(a, b), hn::IsNaN(a)), a, b);
  }
};

struct JoinMinimum {
  template <class T>
  static constexpr T identity() {
    return std::numeric_limits<T>::infinity();
  }
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    return hn::IfThenElse(hn::Or(hn::Le(a, b), hn::IsNaN(a)), a, b);
  }
};

// ---- maps of (x, z of the other operand, c the shift) ------------------------------------------
struct MapSame {
  static constexpr bool kOther = false;
  template <class D, class V>
  static HWY_INLINE V map(D, V x, V, V) {
    return x;
  }
};

struct MapAbsolute {
  static constexpr bool kOther = false;
  template <class D, class V>
  static HWY_INLINE V map(D, V x, V, V) {
    return hn::Abs(x);
  }
};

struct MapSquare {
  static constexpr bool kOther = false;
  template <class D, class V>
  static HWY_INLINE V map(D, V x, V, V c) {
    const V t = hn::Sub(x, c);
    return hn::Mul(t, t);
  }
};

struct MapExp {
  static constexpr bool kOther = false;
  template <class D, class V>
  static HWY_INLINE V map(D d, V x, V, V c) {
    return exp_shifted(d, hn::Sub(x, c));
  }
};

struct MapProduct {
  static constexpr bool kOther = true;
  template <class D, class V>
  static HWY_INLINE V map(D, V x, V z, V c) {
    return hn::Mul(hn::Sub(x, c), z);
  }
};

// ---- along contiguous elements -----------------------------------------------------------------
// Contiguous operands with their map.
template <class T, class Map>
struct Mapped {
  const T* x;
  const T* z;
  Vec<T> c;

  HWY_INLINE Vec<T> full(std::size_t i) const {
    const Tag<T> d;
    const Vec<T> v = hn::LoadU(d, x + i);
    return Map::map(d, v, Map::kOther ? hn::LoadU(d, z + i) : v, c);
  }
  // The first n elements from i, identities of the join in the other lanes.
  template <class Join>
  HWY_INLINE Vec<T> head(std::size_t i, std::size_t n) const {
    const Tag<T> d;
    const Vec<T> v = load_head(x + i, n);
    const Vec<T> w = Map::kOther ? load_head(z + i, n) : v;
    return hn::IfThenElse(hn::FirstN(d, n), Map::map(d, v, w, c),
                          hn::Set(d, Join::template identity<T>()));
  }
};

// Joins the lanes of v: upper half onto lower half until one is left.
template <class Join, class D, class V = hn::Vec<D>>
HWY_INLINE hn::TFromD<D> join_lanes(D, V v) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(v);
  } else {
    const hn::Half<D> half;
    return join_lanes<Join>(half, Join::join(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// Joins the ways of a chunk, halving them, and then their lanes.
template <class Join, class T>
HWY_INLINE T join_ways(Vec<T>* acc) {
  constexpr std::size_t kVectors = static_cast<std::size_t>(kReduceWays) / hn::MaxLanes(Tag<T>());
  for (std::size_t half = kVectors / 2; half > 0; half /= 2) {
    for (std::size_t v = 0; v < half; ++v) acc[v] = Join::join(acc[v], acc[v + half]);
  }
  return join_lanes<Join>(Tag<T>(), acc[0]);
}

// One chunk: 0 < n <= kReduceChunk elements from `first` on.
template <class Join, class T, class Map>
HWY_INLINE T join_chunk(const Mapped<T, Map>& in, std::size_t first, std::size_t n) {
  const Tag<T> d;
  constexpr std::size_t kLanes = hn::MaxLanes(Tag<T>());
  constexpr std::size_t kWays = static_cast<std::size_t>(kReduceWays);
  constexpr std::size_t kVectors = kWays / kLanes;
  if (n <= kLanes) return join_lanes<Join>(d, in.template head<Join>(first, n));
  Vec<T> acc[kVectors];
  std::size_t i = 0;
  if (n >= kWays) {
    for (std::size_t v = 0; v < kVectors; ++v) acc[v] = in.full(first + v * kLanes);
    for (i = kWays; i + kWays <= n; i += kWays) {
      for (std::size_t v = 0; v < kVectors; ++v) {
        acc[v] = Join::join(acc[v], in.full(first + i + v * kLanes));
      }
    }
  } else {
    for (std::size_t v = 0; v < kVectors; ++v) {
      acc[v] = hn::Set(d, Join::template identity<T>());
    }
  }
  for (std::size_t v = 0; v < kVectors && i + v * kLanes < n; ++v) {
    const std::size_t at = i + v * kLanes;
    acc[v] = Join::join(acc[v], n - at >= kLanes ? in.full(first + at)
                                                 : in.template head<Join>(first + at, n - at));
  }
  return join_ways<Join, T>(acc);
}

// Joins two scalars exactly as lanes are joined.
template <class Join, class T>
HWY_INLINE T join_scalars(T a, T b) {
  const hn::CappedTag<T, 1> d;
  return hn::GetLane(Join::join(hn::Set(d, a), hn::Set(d, b)));
}

// Results of equal subtrees, added one after the other like the digits of a binary counter.
template <class Join, class T>
class Tree {
 public:
  HWY_INLINE void push(T v) {
    int level = 0;
    for (std::uint64_t c = count_; c & 1; c >>= 1) v = join_scalars<Join>(level_[level++], v);
    level_[level] = v;
    ++count_;
  }
  // The join of all (at least one), smaller subtrees at the right first.
  HWY_INLINE T finish() const {
    int level = 0;
    while (!((count_ >> level) & 1)) ++level;
    T v = level_[level++];
    for (; count_ >> level; ++level) {
      if ((count_ >> level) & 1) v = join_scalars<Join>(level_[level], v);
    }
    return v;
  }

 private:
  T level_[kReduceLevels];
  std::uint64_t count_ = 0;
};

// n > 0 contiguous elements.
template <class Join, class T, class Map>
HWY_INLINE T join_contiguous(const Mapped<T, Map>& in, std::size_t n) {
  constexpr std::size_t kChunk = static_cast<std::size_t>(kReduceChunk);
  if (n <= kChunk) return join_chunk<Join>(in, 0, n);
  Tree<Join, T> tree;
  for (std::size_t i = 0; i < n; i += kChunk) {
    tree.push(join_chunk<Join>(in, i, n - i < kChunk ? n - i : kChunk));
  }
  return tree.finish();
}

// ---- along columns: `width` neighbouring outputs side by side, the same tree in each -----------
template <class Join, class T>
HWY_INLINE void join_strips(T* acc, const T* right, std::size_t width) {  // acc = acc join right
  const std::size_t lanes = hn::Lanes(Tag<T>());
  for (std::size_t i = 0; i < width; i += lanes) {
    const std::size_t n = width - i;
    store_head<T>(Join::join(load_head(acc + i, n), load_head(right + i, n)), acc + i, n);
  }
}

// acc = map(row), or acc = acc join map(row).
template <class Join, class Map, bool kFirst, class T>
HWY_INLINE void join_row(T* acc, const T* x, const T* z, const T* shift, std::size_t width) {
  const Tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < width; i += lanes) {
    const std::size_t n = width - i;
    const Vec<T> v = load_head(x + i, n);
    const Vec<T> w = Map::kOther ? load_head(z + i, n) : v;
    const Vec<T> c = shift ? load_head(shift + i, n) : hn::Zero(d);
    const Vec<T> mapped = Map::map(d, v, w, c);
    store_head<T>(kFirst ? mapped : Join::join(load_head(acc + i, n), mapped), acc + i, n);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif
