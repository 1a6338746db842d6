// SPDX-License-Identifier: Apache-2.0
// Float reductions. Three ways to walk the input, chosen by strides, with equal bits:
//   rows     the reduced elements are contiguous: vectors along them;
//   columns  neighbouring outputs are contiguous: vectors across outputs, row after row;
//   gather   neither: chunks are joined run by run where runs are long, or copied to scratch and
//            treated as rows.
#include <algorithm>

#include "kernels/cpu/reduce.h"
#include "kernels/strided.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reduce_float.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"
#include "kernels/cpu/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

template <class T>
struct Job {
  const ReduceArgs& a;
  std::int64_t begin, end;  // reduced elements of this segment, end > begin
  T divisor;
  T* scratch;
};

// One chunk of `n` elements that lie in runs of a multiple of kReduceWays: the order of join_chunk.
template <class Join, class Map, class T>
HWY_INLINE T join_runs(StridedCursor& at, const T* x, const T* z, Vec<T> c, std::int64_t n) {
  constexpr std::size_t kVector = hn::MaxLanes(Tag<T>());
  constexpr std::size_t kVectors = static_cast<std::size_t>(kReduceWays) / kVector;
  Vec<T> acc[kVectors];
  bool first = true;
  while (n > 0) {
    const std::int64_t run = std::min(at.run(), n);
    const Mapped<T, Map> piece{x + at.offset(), z + at.offset(), c};
    for (std::int64_t i = 0; i < run; i += kReduceWays) {
      const auto from = static_cast<std::size_t>(i);
      for (std::size_t v = 0; v < kVectors; ++v) {
        const Vec<T> more = piece.full(from + v * kVector);
        acc[v] = first ? more : Join::join(acc[v], more);
      }
      first = false;
    }
    at.advance(run);
    n -= run;
  }
  return join_ways<Join, T>(acc);
}

template <class Join, class Map, class T>
HWY_INLINE T gathered(const Job<T>& job, const T* x, const T* z, Vec<T> c) {
  T* const x_chunk = job.scratch;
  T* const z_chunk = job.scratch + kReduceChunk;
  const Mapped<T, Map> chunk{x_chunk, z_chunk, c};
  Tree<Join, T> tree;
  const ReduceAxes& axes = job.a.reduced;
  StridedCursor at(axes, job.begin);
  // Segments and chunks begin at multiples of kReduceWays.
  const bool runs = at.stride() == 1 && axes.size[axes.rank - 1] % kReduceWays == 0;
  for (std::int64_t i = job.begin; i < job.end; i += kReduceChunk) {
    const std::int64_t n = std::min(kReduceChunk, job.end - i);
    if (runs) {
      tree.push(join_runs<Join, Map>(at, x, z, c, n));
      continue;
    }
    gather_strided(x, job.a.reduced, i, n, x_chunk);
    if (Map::kOther) gather_strided(z, job.a.reduced, i, n, z_chunk);
    tree.push(join_chunk<Join>(chunk, 0, static_cast<std::size_t>(n)));
  }
  return tree.finish();
}

// Outputs [first, last), one at a time; out points at output 0.
template <class Join, class Map, class T>
void reduce_rows(const Job<T>& job, std::int64_t first, std::int64_t last, T* out) {
  const ReduceArgs& a = job.a;
  const bool contiguous = a.reduced.rank == 0 || (a.reduced.rank == 1 && a.reduced.stride[0] == 1);
  const Tag<T> d;
  StridedCursor at(a.kept, first);
  for (std::int64_t o = first; o < last; ++o) {
    const T* x = static_cast<const T*>(a.in) + at.offset();
    const T* z = Map::kOther ? static_cast<const T*>(a.other) + at.offset() : x;
    const Vec<T> c = a.shift ? hn::Set(d, static_cast<const T*>(a.shift)[o]) : hn::Zero(d);
    const T v = contiguous ? join_contiguous<Join>(Mapped<T, Map>{x + job.begin, z + job.begin, c},
                                                   static_cast<std::size_t>(job.end - job.begin))
                           : gathered<Join, Map>(job, x, z, c);
    out[o] = v / job.divisor;
    at.advance(1);
  }
}

// One strip of `width` <= kReduceStrip outputs whose elements are contiguous at x.
template <class Join, class Map, class T>
void reduce_strip(const Job<T>& job, const T* x, const T* z, const T* shift, std::size_t width,
                  T* out) {
  constexpr std::size_t kStrip = static_cast<std::size_t>(kReduceStrip);
  T* const ways = job.scratch;
  T* const levels = ways + kReduceWays * kReduceStrip;
  std::uint64_t count = 0;
  StridedCursor row(job.a.reduced, job.begin);
  for (std::int64_t begin = job.begin; begin < job.end; begin += kReduceChunk) {
    const std::int64_t n = std::min(kReduceChunk, job.end - begin);
    for (std::int64_t i = 0; i < n; ++i) {
      T* const acc = ways + (i % kReduceWays) * kReduceStrip;
      const T* const x_row = x + row.offset();
      const T* const z_row = Map::kOther ? z + row.offset() : x_row;
      if (i < kReduceWays) {
        join_row<Join, Map, true>(acc, x_row, z_row, shift, width);
      } else {
        join_row<Join, Map, false>(acc, x_row, z_row, shift, width);
      }
      row.advance(1);
    }
    // Halve the ways; those that got no element count as identities.
    const std::int64_t used = std::min(n, kReduceWays);
    for (std::int64_t half = kReduceWays / 2; half > 0; half /= 2) {
      for (std::int64_t w = 0; w < half && w + half < used; ++w) {
        join_strips<Join>(ways + w * kReduceStrip, ways + (w + half) * kReduceStrip, width);
      }
    }
    // The counter of Tree, on strips: `ways` holds the newest subtree, levels[k] one of 2^k chunks.
    std::size_t level = 0;
    for (std::uint64_t c = count++; c & 1; c >>= 1, ++level) {
      join_strips<Join>(levels + level * kStrip, ways, width);
      std::copy_n(levels + level * kStrip, width, ways);
    }
    std::copy_n(ways, width, levels + level * kStrip);
  }
  std::size_t level = 0;
  while (!((count >> level) & 1)) ++level;
  const T* result = levels + level * kStrip;
  for (++level; count >> level; ++level) {
    if ((count >> level) & 1) {
      join_strips<Join>(levels + level * kStrip, result, width);
      result = levels + level * kStrip;
    }
  }
  for (std::size_t i = 0; i < width; ++i) out[i] = result[i] / job.divisor;
}

template <class Join, class Map, class T>
void reduce_columns(const Job<T>& job, std::int64_t first, std::int64_t last, T* out) {
  const ReduceArgs& a = job.a;
  StridedCursor at(a.kept, first);
  for (std::int64_t o = first; o < last;) {
    const std::int64_t width = std::min({kReduceStrip, at.run(), last - o});
    const T* x = static_cast<const T*>(a.in) + at.offset();
    const T* z = Map::kOther ? static_cast<const T*>(a.other) + at.offset() : x;
    const T* shift = a.shift ? static_cast<const T*>(a.shift) + o : nullptr;
    reduce_strip<Join, Map>(job, x, z, shift, static_cast<std::size_t>(width), out + o);
    at.advance(width);
    o += width;
  }
}

// Columns pay when a row of neighbouring outputs fills at least a short vector.
HWY_INLINE bool by_columns(const ReduceArgs& a) {
  const int last = a.kept.rank - 1;
  const bool rows = a.reduced.rank == 0 || (a.reduced.rank == 1 && a.reduced.stride[0] == 1);
  return !rows && last >= 0 && a.kept.stride[last] == 1 && a.kept.size[last] >= 4;
}

template <class Join, class Map, class T>
void reduce_as(const ReduceArgs& a, Range r, bool is_sum, T of_nothing) {
  const std::int64_t outputs = outputs_of(a), n = extent_of(a);
  for (std::int64_t u = r.begin; u < r.end;) {
    const std::int64_t segment = u / outputs, first = u % outputs;
    const std::int64_t last = std::min(outputs, first + r.end - u);
    T* const out = static_cast<T*>(a.out) + segment * outputs;
    const std::int64_t begin = a.segments > 1 ? segment * kReduceSegment : 0;
    const std::int64_t end = a.segments > 1 ? std::min(n, begin + kReduceSegment) : n;
    const T divisor = is_sum && a.segments == 1 ? static_cast<T>(a.divisor) : T(1);
    if (begin >= end) {
      std::fill(out + first, out + last, of_nothing / divisor);
    } else {
      const Job<T> job{a, begin, end, divisor, static_cast<T*>(r.scratch)};
      if (by_columns(a)) {
        reduce_columns<Join, Map>(job, first, last, out);
      } else {
        reduce_rows<Join, Map>(job, first, last, out);
      }
    }
    u += last - first;
  }
}

template <class T>
HWY_INLINE void reduce_any_kind(const ReduceArgs& a, Range r) {
  switch (a.kind) {
    case ReduceKind::sum: return reduce_as<JoinAdd, MapSame>(a, r, true, T(0));
    case ReduceKind::sum_absolute: return reduce_as<JoinAdd, MapAbsolute>(a, r, true, T(0));
    case ReduceKind::sum_square: return reduce_as<JoinAdd, MapSquare>(a, r, true, T(0));
    case ReduceKind::sum_exp: return reduce_as<JoinAdd, MapExp>(a, r, true, T(0));
    case ReduceKind::sum_product: return reduce_as<JoinAdd, MapProduct>(a, r, true, T(0));
    case ReduceKind::product: return reduce_as<JoinMultiply, MapSame>(a, r, false, T(1));
    case ReduceKind::maximum: return reduce_as<JoinMaximum, MapSame>(a, r, false, T(0));
    case ReduceKind::minimum: return reduce_as<JoinMinimum, MapSame>(a, r, false, T(0));
    case ReduceKind::maximum_absolute:
      return reduce_as<JoinMaximum, MapAbsolute>(a, r, false, T(0));
    default: return;  // discrete kinds never come here
  }
}

void reduce_f32(const ReduceArgs& a, Range r) { reduce_any_kind<float>(a, r); }
void reduce_f64(const ReduceArgs& a, Range r) { reduce_any_kind<double>(a, r); }

template <class Join, class T>
void combine_as(const ReduceCombineArgs& a, Range r, bool is_sum) {
  const T* partial = static_cast<const T*>(a.partial);
  const T divisor = is_sum ? static_cast<T>(a.divisor) : T(1);
  for (std::int64_t o = r.begin; o < r.end; ++o) {
    Tree<Join, T> tree;
    for (std::int64_t s = 0; s < a.segments; ++s) tree.push(partial[s * a.outputs + o]);
    static_cast<T*>(a.out)[o] = tree.finish() / divisor;
  }
}

template <class T>
HWY_INLINE void combine_any_kind(const ReduceCombineArgs& a, Range r) {
  switch (a.kind) {
    case ReduceKind::product: return combine_as<JoinMultiply, T>(a, r, false);
    case ReduceKind::maximum:
    case ReduceKind::maximum_absolute: return combine_as<JoinMaximum, T>(a, r, false);
    case ReduceKind::minimum: return combine_as<JoinMinimum, T>(a, r, false);
    default: return combine_as<JoinAdd, T>(a, r, true);
  }
}

void reduce_combine_f32(const ReduceCombineArgs& a, Range r) { combine_any_kind<float>(a, r); }
void reduce_combine_f64(const ReduceCombineArgs& a, Range r) { combine_any_kind<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(reduce_f32);
HWY_EXPORT(reduce_f64);
HWY_EXPORT(reduce_combine_f32);
HWY_EXPORT(reduce_combine_f64);

namespace {
bool is_discrete(ReduceKind k) {
  return k >= ReduceKind::arg_maximum || k == ReduceKind::count_nonzero;
}
}  // namespace

void reduce_f32(const ReduceArgs& a, Range r) {
  if (is_discrete(a.kind)) return reduce_discrete<float>(a, r);
  HWY_DYNAMIC_DISPATCH(reduce_f32)(a, r);
}
void reduce_f64(const ReduceArgs& a, Range r) {
  if (is_discrete(a.kind)) return reduce_discrete<double>(a, r);
  HWY_DYNAMIC_DISPATCH(reduce_f64)(a, r);
}
void reduce_combine_f32(const ReduceCombineArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(reduce_combine_f32)(a, r);
}
void reduce_combine_f64(const ReduceCombineArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(reduce_combine_f64)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
