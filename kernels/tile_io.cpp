// SPDX-License-Identifier: Apache-2.0
#include "kernels/tile_io.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/half.h"

namespace ingrad::kernels {
namespace {

struct Bf16 {
  std::uint16_t bits;
};
struct F16 {
  std::uint16_t bits;
};
struct Bool {
  std::uint8_t bits;
};

template <class C, class S>
C read(S s) {
  if constexpr (std::is_same_v<S, Bf16>) {
    return read<C>(from_bf16(s.bits));
  } else if constexpr (std::is_same_v<S, F16>) {
    return read<C>(from_f16(s.bits));
  } else if constexpr (std::is_same_v<S, Bool>) {
    return static_cast<C>(s.bits != 0 ? 1 : 0);
  } else if constexpr (std::is_floating_point_v<S> && std::is_integral_v<C>) {
    // Saturates, NaN to zero: a plain cast would be undefined.
    constexpr S kLimit = static_cast<S>(std::numeric_limits<C>::max());
    if (!(s == s)) return 0;
    if (s >= kLimit) return std::numeric_limits<C>::max();
    if (s <= static_cast<S>(std::numeric_limits<C>::min())) return std::numeric_limits<C>::min();
    return static_cast<C>(s);
  } else if constexpr (std::is_integral_v<S> && std::is_integral_v<C>) {
    return static_cast<C>(s);  // wraps, as between C integers
  } else {
    return static_cast<C>(s);
  }
}

template <class S, class C>
S write(C c) {
  if constexpr (std::is_same_v<S, Bf16>) {
    return {to_bf16(static_cast<float>(c))};
  } else if constexpr (std::is_same_v<S, F16>) {
    return {to_f16(static_cast<float>(c))};
  } else if constexpr (std::is_same_v<S, Bool>) {
    return {static_cast<std::uint8_t>(c != 0 ? 1 : 0)};
  } else {
    return read<S>(c);
  }
}

template <class Body>
void with_storage(DType t, Body body) {
  switch (t) {
    case DType::f32: body(float{}); break;
    case DType::f64: body(double{}); break;
    case DType::bf16: body(Bf16{}); break;
    case DType::f16: body(F16{}); break;
    case DType::i32: body(std::int32_t{}); break;
    case DType::i64: body(std::int64_t{}); break;
    case DType::u8: body(std::uint8_t{}); break;
    case DType::boolean: body(Bool{}); break;
    case DType::mask: break;  // not an operand type
  }
}

template <class Body>
void with_compute(DType t, Body body) {
  if (t == DType::f32) {
    body(float{});
  } else if (t == DType::f64) {
    body(double{});
  } else {
    body(std::int64_t{});
  }
}

template <class C, class S>
void read_run(const S* from, std::int64_t stride, std::int64_t n, C* to) {
  if (stride == 0) {
    std::fill_n(to, n, read<C>(*from));
  } else if (stride == 1) {
    if constexpr (std::is_same_v<C, S>) {
      std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(C));
    } else {
      for (std::int64_t i = 0; i < n; ++i) to[i] = read<C>(from[i]);
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i] = read<C>(from[i * stride]);
  }
}

// Walks the output in row-major order, one run along the last axis at a time.
template <class C, class S>
void read_strided(const ElementwiseArgs& a, const Operand& o, std::int64_t first, std::int64_t n,
                  C* to) {
  const auto* base = static_cast<const S*>(o.data);
  std::array<std::int64_t, kMaxRank> at{};
  std::int64_t rest = first;
  std::int64_t position = 0;
  for (int i = a.rank - 1; i >= 0; --i) {
    const auto k = static_cast<std::size_t>(i);
    at[k] = rest % a.size[k];
    rest /= a.size[k];
    position += at[k] * o.stride[k];
  }
  if (a.rank == 0) {
    read_run<C>(base, 0, n, to);
    return;
  }
  const auto last = static_cast<std::size_t>(a.rank - 1);
  while (n > 0) {
    const std::int64_t run = std::min(n, a.size[last] - at[last]);
    read_run<C>(base + position, o.stride[last], run, to);
    to += run;
    n -= run;
    position -= at[last] * o.stride[last];
    at[last] = 0;
    for (int i = a.rank - 2; i >= 0; --i) {
      const auto k = static_cast<std::size_t>(i);
      position += o.stride[k];
      if (++at[k] < a.size[k]) break;
      position -= a.size[k] * o.stride[k];
      at[k] = 0;
    }
  }
}

}  // namespace

void load_tile(const ElementwiseArgs& args, const Operand& operand, std::int64_t first,
               std::size_t n, void* tile) {
  with_compute(args.compute, [&](auto c) {
    with_storage(operand.dtype, [&](auto s) {
      using C = decltype(c);
      using S = decltype(s);
      read_strided<C, S>(args, operand, first, static_cast<std::int64_t>(n),
                         static_cast<C*>(tile));
    });
  });
}

void store_tile(const void* tile, DType compute, void* out, DType out_dtype, std::size_t n) {
  with_compute(compute, [&](auto c) {
    with_storage(out_dtype, [&](auto s) {
      using C = decltype(c);
      using S = decltype(s);
      const C* from = static_cast<const C*>(tile);
      S* to = static_cast<S*>(out);
      for (std::size_t i = 0; i < n; ++i) to[i] = write<S>(from[i]);
    });
  });
}

}  // namespace ingrad::kernels
