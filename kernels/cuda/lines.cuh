// SPDX-License-Identifier: Apache-2.0
// Kernels over the lines of an [outer][n][inner] array: several threads share a line whose elements
// are neighbours (a warp, or a block where it is long), and hold its elements in registers from one
// pass to the next where they fit; one thread takes each line otherwise, and neighbouring threads
// neighbouring lines. How many depends on the shape of a line alone.
#pragma once

#include <type_traits>

#include "kernels/cuda/block.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {

// A value for each element that a thread has of its line: computed once where kHeld > 0, at every
// use otherwise.
template <class T, int kHeld, class Compute>
struct LineValues {
  Compute compute;
  T held[kHeld > 0 ? kHeld : 1];

  template <class Index>
  __device__ T operator()(int slot, Index i) const {
    if constexpr (kHeld > 0) return held[slot];
    return compute(slot, i);
  }
};

// The threads of one line. kHeld > 0: each has so many slots for its elements, of which the last
// may lie beyond the end of the line.
template <int kThreads, int kHeld>
struct LineThreads {
  using Index = std::conditional_t<(kHeld > 0), int, std::int64_t>;
  std::int64_t line, inner;
  Index n, first;

  // Offset of element i from where the line begins; lines that threads share are dense.
  __device__ std::int64_t at(Index i) const { return kThreads == 1 ? i * inner : i; }
  __device__ bool has(Index i) const { return kHeld == 0 || i < n; }

  // f(slot, i) for every slot of this thread: where !has(i) there is no such element.
  template <class F>
  __device__ void slots(const F& f) const {
    if constexpr (kHeld > 0) {
INGRAD_UNROLL
      for (int slot = 0; slot < kHeld; ++slot) f(slot, first + slot * kThreads);
    } else {
INGRAD_UNROLL_BY(4)
      for (Index i = first; i < n; i += kThreads) f(0, i);
    }
  }
  // f(slot, i) for every element of this thread.
  template <class F>
  __device__ void each(const F& f) const {
    slots([&](int slot, Index i) {
      if (has(i)) f(slot, i);
    });
  }
  // The values compute(slot, i) of all slots.
  template <class T, class Compute>
  __device__ LineValues<T, kHeld, Compute> hold(const Compute& compute) const {
    LineValues<T, kHeld, Compute> values{compute, {}};
    if constexpr (kHeld > 0) {
      slots([&](int slot, Index i) { values.held[slot] = compute(slot, i); });
    }
    return values;
  }
  // Those of an array, `beyond` behind the end.
  template <class T>
  __device__ auto hold(const T* line_values, T beyond) const {
    return hold<T>([threads = *this, line_values, beyond](int, Index i) {
      return threads.has(i) ? line_values[threads.at(i)] : beyond;
    });
  }

  // All threads get the combination of their values.
  template <class T, class Join>
  __device__ T all(T v, const Join& join, T* parts) const {
    if constexpr (kThreads == 1) return v;
    return block_all(v, join, parts);
  }
};

// body(threads, parts), parts: 32 of type T in shared memory.
template <class T, int kThreads, int kHeld, class Body>
__global__ void __launch_bounds__(kBlock) shared_lines(Body body, std::int64_t lines,
                                                       std::int64_t n) {
  INGRAD_SHARED(T, parts, 32);
  const std::int64_t line = static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (line >= lines) return;  // a whole warp of several in the block
  using Threads = LineThreads<kThreads, kHeld>;
  using Index = typename Threads::Index;
  body(Threads{line, 1, static_cast<Index>(n), static_cast<Index>(threadIdx.x)}, parts);
}

template <class T, int kThreads, int kHeld, class Body>
void launch_shared_lines(std::int64_t lines, std::int64_t n, const Body& body) {
  constexpr unsigned kTogether = kBlock / kThreads;
  launch(shared_lines<T, kThreads, kHeld, Body>, blocks_for(lines, kTogether),
         dim3(kThreads, kTogether), 0, body, lines, n);
}

template <class T, class Body>
void launch_lines(std::int64_t lines, std::int64_t n, std::int64_t inner, Body body) {
  if (lines == 0) return;
  if (inner > 1 || n <= 4) {
    return launch_each(lines, INGRAD_LAMBDA(std::int64_t line) {
      body(LineThreads<1, 0>{line, inner, n, 0}, static_cast<T*>(nullptr));
    });
  }
  constexpr int kOne = static_cast<int>(kWarp), kAll = static_cast<int>(kBlock);
  if (n <= 4 * kOne) return launch_shared_lines<T, kOne, 4>(lines, n, body);
  if (n <= 8 * kOne) return launch_shared_lines<T, kOne, 8>(lines, n, body);
  if (n <= 16 * kOne) return launch_shared_lines<T, kOne, 16>(lines, n, body);
  if (n <= 32 * kOne) return launch_shared_lines<T, kOne, 32>(lines, n, body);
  if (n <= 8 * kAll) return launch_shared_lines<T, kAll, 8>(lines, n, body);
  if (n <= 32 * kAll) return launch_shared_lines<T, kAll, 32>(lines, n, body);
  launch_shared_lines<T, kAll, 0>(lines, n, body);
}

// Where line `line` of [outer][n][inner] begins.
__device__ inline std::int64_t line_begin(std::int64_t line, std::int64_t n, std::int64_t inner) {
  return inner == 1 ? line * n : line / inner * n * inner + line % inner;
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
