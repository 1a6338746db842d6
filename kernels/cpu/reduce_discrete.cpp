// SPDX-License-Identifier: Apache-2.0
// Reductions with exact results: integers, positions of extrema, counts, any, all. Plain loops that
// the compiler vectorises: over a chunk of contiguous (or gathered) elements at a time.
#include <algorithm>
#include <type_traits>

#include "kernels/cpu/reduce.h"
#include "kernels/strided.h"

namespace ingrad::kernels::cpu {
namespace {

// Calls body(const T* chunk, first index, count) until it returns false.
template <class T, class Body>
void for_chunks(const ReduceArgs& a, const T* in, T* scratch, Body body) {
  const std::int64_t n = extent_of(a);
  const bool contiguous = a.reduced.rank == 0 || (a.reduced.rank == 1 && a.reduced.stride[0] == 1);
  for (std::int64_t i = 0; i < n; i += kReduceChunk) {
    const std::int64_t count = std::min(kReduceChunk, n - i);
    const T* chunk = in + i;
    if (!contiguous) {
      gather_strided(in, a.reduced, i, count, scratch);
      chunk = scratch;
    }
    if (!body(chunk, i, count)) return;
  }
}

template <class T>
bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>) return x != x;
  return false;
}

// The best value of a chunk, NaN if there is one. Eight ways, so that loops have no long chain.
template <bool kMaximum, class T>
T best_of(const T* x, std::int64_t n) {
  constexpr std::int64_t kWays = 8;
  T best[kWays];
  bool nan = false;
  std::fill_n(best, kWays, x[0]);
  std::int64_t i = 0;
  for (; i + kWays <= n; i += kWays) {
    for (std::int64_t w = 0; w < kWays; ++w) {
      const T v = x[i + w];
      best[w] = (kMaximum ? v > best[w] : v < best[w]) ? v : best[w];
      nan |= is_nan(v);
    }
  }
  T result = best[0];
  for (std::int64_t w = 1; w < kWays; ++w) {
    if (kMaximum ? best[w] > result : best[w] < result) result = best[w];
  }
  for (; i < n; ++i) {
    if (kMaximum ? x[i] > result : x[i] < result) result = x[i];
    nan |= is_nan(x[i]);
  }
  if (nan) {
    for (i = 0; !is_nan(x[i]);) ++i;
    return x[i];
  }
  return result;
}

template <bool kMaximum, class T>
std::int64_t position(const ReduceArgs& a, const T* in, T* scratch) {
  std::int64_t best = -1;
  T value{};
  for_chunks(a, in, scratch, [&](const T* x, std::int64_t first, std::int64_t n) {
    const T candidate = best_of<kMaximum>(x, n);
    const bool nan = is_nan(candidate);
    if (best < 0 || nan || (kMaximum ? candidate > value : candidate < value)) {
      std::int64_t i = 0;
      while (nan ? !is_nan(x[i]) : x[i] != candidate) ++i;
      best = first + i;
      value = candidate;
    }
    return !nan;  // nothing beats the first NaN
  });
  return best;
}

template <class T>
std::int64_t count_nonzero(const ReduceArgs& a, const T* in, T* scratch) {
  std::int64_t total = 0;
  for_chunks(a, in, scratch, [&](const T* x, std::int64_t, std::int64_t n) {
    std::int32_t count = 0;
    for (std::int64_t i = 0; i < n; ++i) count += x[i] != T{0} ? 1 : 0;
    total += count;
    return true;
  });
  return total;
}

// True when some element is zero (kZero) or nonzero.
template <bool kZero, class T>
bool finds(const ReduceArgs& a, const T* in, T* scratch) {
  bool found = false;
  for_chunks(a, in, scratch, [&](const T* x, std::int64_t, std::int64_t n) {
    bool here = false;
    for (std::int64_t i = 0; i < n; ++i) here |= (x[i] == T{0}) == kZero;
    found = here;
    return !here;
  });
  return found;
}

// Unsigned, so that overflow wraps.
template <class T>
std::int64_t total(const ReduceArgs& a, const T* in, T* scratch, bool product) {
  std::uint64_t acc = product ? 1 : 0;
  for_chunks(a, in, scratch, [&](const T* x, std::int64_t, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(x[i]));
      acc = product ? acc * wide : acc + wide;
    }
    return true;
  });
  return static_cast<std::int64_t>(acc);
}

template <class T>
T extremum(const ReduceArgs& a, const T* in, T* scratch) {
  T value{};
  for_chunks(a, in, scratch, [&](const T* x, std::int64_t first, std::int64_t n) {
    if (a.kind == ReduceKind::maximum) {
      const T here = best_of<true>(x, n);
      value = first == 0 || here > value ? here : value;
    } else {
      const T here = best_of<false>(x, n);
      value = first == 0 || here < value ? here : value;
    }
    return true;
  });
  return value;
}

template <class T>
void reduce_integer(const ReduceArgs& a, Range r) {
  switch (a.kind) {
    case ReduceKind::sum:
    case ReduceKind::product:
    case ReduceKind::maximum:
    case ReduceKind::minimum: break;
    default: return reduce_discrete<T>(a, r);
  }
  if (r.begin >= r.end) return;
  T* const scratch = static_cast<T*>(r.scratch);
  StridedCursor at(a.kept, r.begin);
  for (std::int64_t o = r.begin; o < r.end; ++o, at.advance(1)) {
    const T* in = static_cast<const T*>(a.in) + at.offset();
    if (a.kind == ReduceKind::maximum || a.kind == ReduceKind::minimum) {
      static_cast<T*>(a.out)[o] = extremum(a, in, scratch);
    } else {
      static_cast<std::int64_t*>(a.out)[o] =
          total(a, in, scratch, a.kind == ReduceKind::product);
    }
  }
}

}  // namespace

template <class T>
void reduce_discrete(const ReduceArgs& a, Range r) {
  T* const scratch = static_cast<T*>(r.scratch);
  auto* const positions = static_cast<std::int64_t*>(a.out);
  auto* const flags = static_cast<std::uint8_t*>(a.out);
  if (r.begin >= r.end) return;
  StridedCursor at(a.kept, r.begin);
  for (std::int64_t o = r.begin; o < r.end; ++o, at.advance(1)) {
    const T* in = static_cast<const T*>(a.in) + at.offset();
    switch (a.kind) {
      case ReduceKind::arg_maximum: positions[o] = position<true>(a, in, scratch); break;
      case ReduceKind::arg_minimum: positions[o] = position<false>(a, in, scratch); break;
      case ReduceKind::count_nonzero: positions[o] = count_nonzero(a, in, scratch); break;
      case ReduceKind::any: flags[o] = finds<false>(a, in, scratch); break;
      case ReduceKind::all: flags[o] = !finds<true>(a, in, scratch); break;
      default: break;
    }
  }
}

template void reduce_discrete<float>(const ReduceArgs&, Range);
template void reduce_discrete<double>(const ReduceArgs&, Range);

void reduce_i32(const ReduceArgs& a, Range r) { reduce_integer<std::int32_t>(a, r); }
void reduce_i64(const ReduceArgs& a, Range r) { reduce_integer<std::int64_t>(a, r); }
void reduce_u8(const ReduceArgs& a, Range r) { reduce_integer<std::uint8_t>(a, r); }

}  // namespace ingrad::kernels::cpu
