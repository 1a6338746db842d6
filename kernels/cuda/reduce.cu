// SPDX-License-Identifier: Apache-2.0
// Reductions: a block of threads is laid over some outputs and the elements of each; partial results
// meet in a binary tree in shared memory. Outputs of many elements are cut into parts for several
// blocks, and a second kernel joins these. All of this depends on extents of the reduced axes and
// on strides alone, so that an output has the same bits whatever its neighbours.
#include "kernels/reduce.h"

#include <limits>
#include <type_traits>

#include "kernels/cuda/block.cuh"
#include "kernels/cuda/install.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

using Kind = ReduceKind;

// Of position i of the first `rank` axes.
__device__ inline std::int64_t offset_of(const ReduceAxes& axes, int rank, std::int64_t i) {
  if (rank == 1) return i * axes.stride[0];
  std::int64_t at = 0;
  for (int axis = rank - 1; axis >= 0; --axis) {
    at += i % axes.size[axis] * axes.stride[axis];
    i /= axes.size[axis];
  }
  return at;
}

// An operation on elements of type T, and of `other` where kTwo: State begin(), add(state, x, z, c,
// index), join(a, b) with the elements of a before those of b where that counts, write(out, o,
// state).

// Sums and products of floats, in double: such kernels wait for memory.
template <class T, Kind kKind>
struct FloatSum {
  using State = double;
  static constexpr bool kTwo = kKind == Kind::sum_product;
  static constexpr bool kProduct = kKind == Kind::product;
  double divisor;
  __device__ State begin() const { return kProduct ? 1 : 0; }
  __device__ void add(State& s, T x, T z, T c, std::int64_t) const {
    const double wide = static_cast<double>(x), shifted = wide - static_cast<double>(c);
    if constexpr (kProduct) s *= wide;
    if constexpr (kKind == Kind::sum) s += wide;
    if constexpr (kKind == Kind::sum_absolute) s += std::fabs(wide);
    if constexpr (kKind == Kind::sum_square) s += shifted * shifted;
    if constexpr (kKind == Kind::sum_exp) s += static_cast<double>(std::exp(x - c));
    if constexpr (kKind == Kind::sum_product) s += shifted * static_cast<double>(z);
  }
  __device__ State join(State a, State b) const { return kProduct ? a * b : a + b; }
  __device__ void write(void* out, std::int64_t o, State s) const {
    static_cast<T*>(out)[o] = static_cast<T>(kProduct ? s : s / divisor);
  }
};

// The extreme element and the first place where it stands; NaN beats all.
template <class T, bool kPosition>
struct Extreme {
  static constexpr bool kTwo = false;
  struct State {
    T value;
    std::int64_t index;  // -1: no element yet
  };
  Kind kind;
  __device__ State begin() const { return {T(0), -1}; }
  __device__ bool beats(T x, T best) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (best != best) return false;
      if (x != x) return true;
    }
    return kind == Kind::minimum || kind == Kind::arg_minimum ? x < best : x > best;
  }
  __device__ void add(State& s, T x, T, T, std::int64_t index) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (kind == Kind::maximum_absolute) x = std::fabs(x);
    }
    if (s.index < 0 || beats(x, s.value)) s = {x, index};
  }
  __device__ State join(State a, State b) const {
    if (b.index < 0) return a;
    if (a.index < 0 || beats(b.value, a.value)) return b;
    return beats(a.value, b.value) || a.index < b.index ? a : b;
  }
  __device__ void write(void* out, std::int64_t o, State s) const {
    if constexpr (kPosition) {
      static_cast<std::int64_t*>(out)[o] = s.index;
    } else {
      static_cast<T*>(out)[o] = s.value;
    }
  }
};

template <class T>
struct Count {
  using State = std::int64_t;
  static constexpr bool kTwo = false;
  Kind kind;
  std::int64_t extent;
  __device__ State begin() const { return 0; }
  __device__ void add(State& s, T x, T, T, std::int64_t) const { s += x != T(0) ? 1 : 0; }
  __device__ State join(State a, State b) const { return a + b; }
  __device__ void write(void* out, std::int64_t o, State s) const {
    if (kind == Kind::count_nonzero) {
      static_cast<std::int64_t*>(out)[o] = s;
    } else {
      static_cast<std::uint8_t*>(out)[o] = kind == Kind::any ? s > 0 : s == extent;
    }
  }
};

template <class T>
struct IntegerSum {
  using State = std::uint64_t;  // wraps
  static constexpr bool kTwo = false;
  bool product;
  __device__ State begin() const { return product ? 1 : 0; }
  __device__ void add(State& s, T x, T, T, std::int64_t) const {
    const auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(x));
    s = product ? s * wide : s + wide;
  }
  __device__ State join(State a, State b) const { return product ? a * b : a + b; }
  __device__ void write(void* out, std::int64_t o, State s) const {
    static_cast<std::int64_t*>(out)[o] = static_cast<std::int64_t>(s);
  }
};

// How blocks lie over outputs and elements.
struct Layout {
  // Elements are [outer][inner], inner being the last reduced axis.
  std::int64_t outputs, outer, inner;
  int across, depth;  // outputs per block, threads for each: kBlock in all
  int inner_depth;    // of these threads, how many are neighbours along inner
  bool neighbours;    // threads that are neighbours have the same output rather than the same place
  // Each part of an output takes so many of outer, and of inner.
  std::int64_t parts, outer_part, inner_part;
};

std::int64_t pieces(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

Layout layout_of(const ReduceArgs& a) {
  Layout l{};
  l.outputs = outputs_of(a);
  const std::int64_t extent = extent_of(a);
  l.inner = a.reduced.rank == 0 ? 1 : a.reduced.size[a.reduced.rank - 1];
  l.outer = l.inner == 0 ? 1 : extent / l.inner;
  // Outputs that lie side by side are read side by side; otherwise threads read along an output.
  const bool side_by_side = a.kept.rank > 0 && a.kept.stride[a.kept.rank - 1] == 1 &&
                            (a.reduced.rank == 0 || a.reduced.stride[a.reduced.rank - 1] != 1);
  l.neighbours = !side_by_side;
  // Long ones are worth several blocks, but not so many parts that joining them takes time.
  std::int64_t part = side_by_side ? 128 : 8192;
  while (pieces(extent, part) > (side_by_side ? 256 : 2048)) part *= 2;
  const std::int64_t parts = std::max<std::int64_t>(pieces(extent, part), 1);
  l.outer_part = l.outer >= parts ? pieces(l.outer, parts) : l.outer;
  l.inner_part = l.outer >= parts ? l.inner : pieces(l.inner, parts);
  l.parts = l.outer >= parts ? pieces(l.outer, l.outer_part)
                             : std::max<std::int64_t>(pieces(l.inner, l.inner_part), 1);
  l.depth = extent <= 8 ? 1 : side_by_side || extent <= 64 ? 8 : extent <= 4096 ? 32 : kBlock;
  l.across = static_cast<int>(kBlock) / l.depth;
  l.inner_depth = 1;
  while (l.inner_depth < l.depth && l.inner_depth < l.inner_part) l.inner_depth *= 2;
  return l;
}

// The states of `across` outputs with `depth` threads each: threads with d = 0 get the joined one.
template <class Op>
__device__ typename Op::State join_threads(typename Op::State* states, typename Op::State s,
                                           const Op& op, int o, int d, int across, int depth) {
  typename Op::State* const mine = states + d * across + o;
  *mine = s;
  for (int half = depth / 2; half > 0; half /= 2) {
    __syncthreads();
    if (d < half) *mine = op.join(*mine, mine[half * across]);
  }
  return *mine;
}

// One part of `across` outputs per block. partial, if there are several: [outputs][parts].
template <class T, class Op>
__global__ void __launch_bounds__(kBlock, 2)
    reduce_part(ReduceArgs a, Op op, Layout l, typename Op::State* partial) {
  using State = typename Op::State;
  INGRAD_SHARED(State, states, kBlock);
  const int t = static_cast<int>(threadIdx.x);
  const int near = l.neighbours ? t / l.depth : t % l.across;
  const int d = l.neighbours ? t % l.depth : t / l.across;
  const std::int64_t o = static_cast<std::int64_t>(blockIdx.x) * l.across + near;
  const std::int64_t part = blockIdx.y;
  State s = op.begin();
  if (o < l.outputs) {
    const std::int64_t base = offset_of(a.kept, a.kept.rank, o);
    const T c = a.shift ? static_cast<const T*>(a.shift)[o] : T(0);
    const bool by_outer = l.outer_part < l.outer;
    const std::int64_t k_begin = by_outer ? part * l.outer_part : 0;
    const std::int64_t k_end = std::min(k_begin + l.outer_part, l.outer);
    const std::int64_t j_begin = by_outer ? 0 : part * l.inner_part;
    const std::int64_t j_end = std::min(j_begin + l.inner_part, l.inner);
    const int last = a.reduced.rank - 1;
    const std::int64_t stride = last < 0 ? 0 : a.reduced.stride[last];
    const std::int64_t first = j_begin + d % l.inner_depth, step = stride * l.inner_depth;
    const int rounds =
        first < j_end ? static_cast<int>((j_end - first - 1) / l.inner_depth) + 1 : 0;
    for (std::int64_t k = k_begin + d / l.inner_depth; k < k_end; k += l.depth / l.inner_depth) {
      const std::int64_t at =
          base + first * stride + (last > 0 ? offset_of(a.reduced, last, k) : 0);
      const T* in = static_cast<const T*>(a.in) + at;
      const T* other = Op::kTwo ? static_cast<const T*>(a.other) + at : nullptr;
      const std::int64_t index = k * l.inner + first;
      INGRAD_UNROLL_BY(16)
      for (int round = 0; round < rounds; ++round) {
        op.add(s, *in, Op::kTwo ? *other : T(0), c, index + round * l.inner_depth);
        in += step;
        if (Op::kTwo) other += step;
      }
    }
  }
  s = join_threads(states, s, op, near, d, l.across, l.depth);
  if (d > 0 || o >= l.outputs) return;
  if (partial) {
    partial[o * l.parts + part] = s;
  } else {
    op.write(a.out, o, s);
  }
}

// A warp for each output.
template <class Op>
__global__ void __launch_bounds__(kBlock)
    join_parts(const typename Op::State* partial, void* out, Op op, std::int64_t outputs,
               std::int64_t parts) {
  using State = typename Op::State;
  INGRAD_SHARED(State, states, kBlock);
  const int near = static_cast<int>(threadIdx.x / kWarp), d = static_cast<int>(threadIdx.x % kWarp);
  constexpr int kAcross = static_cast<int>(kBlock / kWarp);
  const std::int64_t o = static_cast<std::int64_t>(blockIdx.x) * kAcross + near;
  State s = op.begin();
  if (o < outputs) {
    for (std::int64_t p = d; p < parts; p += kWarp) s = op.join(s, partial[o * parts + p]);
  }
  s = join_threads(states, s, op, near, d, kAcross, static_cast<int>(kWarp));
  if (d == 0 && o < outputs) op.write(out, o, s);
}

template <class T, class Op>
void launch_reduce(const ReduceArgs& a, Op op) {
  using State = typename Op::State;
  const Layout l = layout_of(a);
  State* const partial = l.parts == 1
                             ? nullptr
                             : static_cast<State*>(device_scratch(
                                   l.outputs * l.parts * static_cast<std::int64_t>(sizeof(State))));
  launch(reduce_part<T, Op>, dim3(blocks_for(l.outputs, l.across), static_cast<unsigned>(l.parts)),
         kBlock, 0, a, op, l, partial);
  if (partial) {
    launch(join_parts<Op>, blocks_for(l.outputs, kBlock / kWarp), kBlock, 0, partial, a.out, op,
           l.outputs, l.parts);
  }
}

template <class T>
void run_float(const ReduceArgs& a, Range) {
  switch (a.kind) {
    case Kind::maximum:
    case Kind::minimum:
    case Kind::maximum_absolute: return launch_reduce<T>(a, Extreme<T, false>{a.kind});
    case Kind::arg_maximum:
    case Kind::arg_minimum: return launch_reduce<T>(a, Extreme<T, true>{a.kind});
    case Kind::count_nonzero:
    case Kind::any:
    case Kind::all: return launch_reduce<T>(a, Count<T>{a.kind, extent_of(a)});
    case Kind::sum: return launch_reduce<T>(a, FloatSum<T, Kind::sum>{a.divisor});
    case Kind::sum_absolute: return launch_reduce<T>(a, FloatSum<T, Kind::sum_absolute>{a.divisor});
    case Kind::sum_square: return launch_reduce<T>(a, FloatSum<T, Kind::sum_square>{a.divisor});
    case Kind::sum_exp: return launch_reduce<T>(a, FloatSum<T, Kind::sum_exp>{a.divisor});
    case Kind::sum_product: return launch_reduce<T>(a, FloatSum<T, Kind::sum_product>{a.divisor});
    case Kind::product: return launch_reduce<T>(a, FloatSum<T, Kind::product>{a.divisor});
  }
}

template <class T>
void run_integer(const ReduceArgs& a, Range) {
  switch (a.kind) {
    case Kind::maximum:
    case Kind::minimum: return launch_reduce<T>(a, Extreme<T, false>{a.kind});
    case Kind::arg_maximum:
    case Kind::arg_minimum: return launch_reduce<T>(a, Extreme<T, true>{a.kind});
    case Kind::count_nonzero:
    case Kind::any:
    case Kind::all: return launch_reduce<T>(a, Count<T>{a.kind, extent_of(a)});
    default: return launch_reduce<T>(a, IntegerSum<T>{a.kind == Kind::product});
  }
}

}  // namespace

void install_reduce() {
  install_floats(reduce, run_float<float>, run_float<double>);
  reduce.install(DType::i32, run_integer<std::int32_t>);
  reduce.install(DType::i64, run_integer<std::int64_t>);
  reduce.install(DType::u8, run_integer<std::uint8_t>);
  reduce.install(DType::boolean, run_integer<std::uint8_t>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
