// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/strided.h"

namespace ingrad::kernels::reference {
namespace {

using Kind = ReduceKind;

bool takes(Kind k, double candidate, double best) {
  if (std::isnan(best)) return false;
  if (std::isnan(candidate)) return true;
  return k == Kind::minimum || k == Kind::arg_minimum ? candidate < best : candidate > best;
}

double identity(Kind k) {
  switch (k) {
    case Kind::product: return 1;
    case Kind::maximum:
    case Kind::maximum_absolute: return -std::numeric_limits<double>::infinity();
    case Kind::minimum: return std::numeric_limits<double>::infinity();
    default: return 0;
  }
}

double join(Kind k, double acc, double x) {
  switch (k) {
    case Kind::product: return acc * x;
    case Kind::maximum:
    case Kind::maximum_absolute:
    case Kind::minimum: return takes(k, x, acc) ? x : acc;
    default: return acc + x;
  }
}

double map(Kind k, double x, double z, double c) {
  switch (k) {
    case Kind::sum_absolute:
    case Kind::maximum_absolute: return std::fabs(x);
    case Kind::sum_square: return (x - c) * (x - c);
    case Kind::sum_exp: return std::exp(x - c);
    case Kind::sum_product: return (x - c) * z;
    default: return x;
  }
}

bool is_sum(Kind k) { return k <= Kind::sum_product; }

template <class T>
void write(const ReduceArgs& a, std::int64_t u, double acc) {
  if (a.segments == 1 && is_sum(a.kind)) acc /= a.divisor;
  static_cast<T*>(a.out)[u] = static_cast<T>(acc);
}

// The kinds whose output does not depend on arithmetic of T.
template <class T>
void reduce_discrete(const ReduceArgs& a, std::int64_t o, const T* in) {
  const std::int64_t n = extent_of(a);
  std::int64_t count = 0, best = 0;
  T best_value{};
  for (std::int64_t i = 0; i < n; ++i) {
    const T x = in[StridedCursor(a.reduced, i).offset()];
    if (x != T{0}) ++count;
    bool better = i == 0;
    if constexpr (std::is_floating_point_v<T>) {
      better = better || takes(a.kind, x, best_value);
    } else {
      better = better || (a.kind == Kind::arg_minimum ? x < best_value : x > best_value);
    }
    if (better) {
      best = i;
      best_value = x;
    }
  }
  if (a.kind == Kind::any || a.kind == Kind::all) {
    static_cast<std::uint8_t*>(a.out)[o] = a.kind == Kind::any ? count > 0 : count == n;
  } else {
    static_cast<std::int64_t*>(a.out)[o] = a.kind == Kind::count_nonzero ? count : best;
  }
}

bool is_discrete(Kind k) { return k >= Kind::arg_maximum || k == Kind::count_nonzero; }

template <class T>
void reduce_float(const ReduceArgs& a, Range r) {
  const std::int64_t outputs = outputs_of(a), n = extent_of(a);
  for (std::int64_t u = r.begin; u < r.end; ++u) {
    const std::int64_t segment = u / outputs, o = u % outputs;
    const std::int64_t base = StridedCursor(a.kept, o).offset();
    const T* in = static_cast<const T*>(a.in) + base;
    if (is_discrete(a.kind)) {
      reduce_discrete(a, o, in);
      continue;
    }
    const T* other = a.other ? static_cast<const T*>(a.other) + base : nullptr;
    const double c = a.shift ? static_cast<const T*>(a.shift)[o] : T{0};
    const std::int64_t begin = a.segments > 1 ? segment * kReduceSegment : 0;
    const std::int64_t end = a.segments > 1 ? std::min(n, begin + kReduceSegment) : n;
    double acc = identity(a.kind);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t at = StridedCursor(a.reduced, i).offset();
      acc = join(a.kind, acc, map(a.kind, in[at], other ? other[at] : 0.0, c));
    }
    write<T>(a, u, acc);
  }
}

template <class T>
void reduce_integer(const ReduceArgs& a, Range r) {
  const std::int64_t n = extent_of(a);
  for (std::int64_t o = r.begin; o < r.end; ++o) {
    const T* in = static_cast<const T*>(a.in) + StridedCursor(a.kept, o).offset();
    if (is_discrete(a.kind)) {
      reduce_discrete(a, o, in);
      continue;
    }
    std::uint64_t acc = a.kind == Kind::product ? 1 : 0;
    T best{};
    for (std::int64_t i = 0; i < n; ++i) {
      const T x = in[StridedCursor(a.reduced, i).offset()];
      const auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(x));
      acc = a.kind == Kind::product ? acc * wide : acc + wide;
      if (i == 0 || (a.kind == Kind::minimum ? x < best : x > best)) best = x;
    }
    if (a.kind == Kind::maximum || a.kind == Kind::minimum) {
      static_cast<T*>(a.out)[o] = best;
    } else {
      static_cast<std::int64_t*>(a.out)[o] = static_cast<std::int64_t>(acc);
    }
  }
}

template <class T>
void combine(const ReduceCombineArgs& a, Range r) {
  const T* partial = static_cast<const T*>(a.partial);
  for (std::int64_t o = r.begin; o < r.end; ++o) {
    double acc = identity(a.kind);
    for (std::int64_t s = 0; s < a.segments; ++s) {
      acc = join(a.kind, acc, partial[s * a.outputs + o]);
    }
    if (is_sum(a.kind)) acc /= a.divisor;
    static_cast<T*>(a.out)[o] = static_cast<T>(acc);
  }
}

}  // namespace

void reduce_f32(const ReduceArgs& a, Range r) { reduce_float<float>(a, r); }
void reduce_f64(const ReduceArgs& a, Range r) { reduce_float<double>(a, r); }
void reduce_i32(const ReduceArgs& a, Range r) { reduce_integer<std::int32_t>(a, r); }
void reduce_i64(const ReduceArgs& a, Range r) { reduce_integer<std::int64_t>(a, r); }
void reduce_u8(const ReduceArgs& a, Range r) { reduce_integer<std::uint8_t>(a, r); }
void reduce_combine_f32(const ReduceCombineArgs& a, Range r) { combine<float>(a, r); }
void reduce_combine_f64(const ReduceCombineArgs& a, Range r) { combine<double>(a, r); }

}  // namespace ingrad::kernels::reference
