// SPDX-License-Identifier: Apache-2.0
// The part of CUDA C++ that our kernels are written in, on the host: the same source runs under the
// sanitizers and without a GPU. Within a block every CUDA thread is a fiber, scheduled from barrier
// to barrier in a chosen order (under ThreadSanitizer: a thread of the system, so that a missing
// barrier is a data race). Blocks run one after the other.
//
// What is checked: shared memory and the device's memory begin as NaN; every shared array is a heap
// block of its own, so that AddressSanitizer sees its ends; a barrier that some threads of a block
// never reach, or a warp-wide function that some lanes miss, throws with file and line; kernels
// must give the same bits in forward, reverse and random order.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

namespace ingrad::kernels::emulation {

enum class Order { forward, reverse, random };
// Of the threads of a block between two barriers, and of elements under launch_each. At start as
// INGRAD_EMULATION_ORDER says ("forward", "reverse", "random"), else forward.
void set_order(Order order);
Order order();

// Runs `kernel` once per thread. Throws std::runtime_error on divergence.
void run(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel);
// A permutation of 0 ... n - 1 as order() says: the element that is computed i-th.
std::int64_t element_at(std::int64_t i, std::int64_t n);

struct Position {
  dim3 thread, block, block_size, grid_size;
};
inline thread_local const Position* position = nullptr;
inline const Position& here() { return *position; }

// The n-th shared array that the calling thread asks for; all threads ask for the same ones.
void* shared(std::size_t bytes);
void* dynamic_shared();

void block_barrier(const char* where);
// Meets the lanes of the warp; returns the 8 bytes that lane `from` brought (a lane out of range or
// absent: the caller's own).
std::uint64_t warp_exchange(std::uint64_t brought, int from, const char* where);
// Bit i: lane i brought something other than zero.
unsigned warp_vote(bool brought, const char* where);

template <class T>
T exchange(T value, int from, const char* where) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = warp_exchange(bits, from, where);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline int lane() {
  const Position& p = here();
  return static_cast<int>((p.thread.x + p.block_size.x * (p.thread.y + p.block_size.y * p.thread.z)) % 32);
}

}  // namespace ingrad::kernels::emulation

#define threadIdx (::ingrad::kernels::emulation::here().thread)
#define blockIdx (::ingrad::kernels::emulation::here().block)
#define blockDim (::ingrad::kernels::emulation::here().block_size)
#define gridDim (::ingrad::kernels::emulation::here().grid_size)

#define INGRAD_TEXT_2(x) #x
#define INGRAD_TEXT(x) INGRAD_TEXT_2(x)
#define INGRAD_HERE __FILE__ ":" INGRAD_TEXT(__LINE__)
#define __syncthreads() ::ingrad::kernels::emulation::block_barrier(INGRAD_HERE)
#define __syncwarp() ((void)::ingrad::kernels::emulation::warp_vote(false, INGRAD_HERE))
#define __shfl_xor_sync(mask, value, bits) \
  ::ingrad::kernels::emulation::exchange(  \
      value, ::ingrad::kernels::emulation::lane() ^ (bits), INGRAD_HERE)
#define __shfl_down_sync(mask, value, step) \
  ::ingrad::kernels::emulation::exchange(   \
      value, ::ingrad::kernels::emulation::lane() + (step), INGRAD_HERE)
#define __shfl_up_sync(mask, value, step) \
  ::ingrad::kernels::emulation::exchange( \
      value, ::ingrad::kernels::emulation::lane() - (step), INGRAD_HERE)
#define __shfl_sync(mask, value, from) \
  ::ingrad::kernels::emulation::exchange(value, from, INGRAD_HERE)
#define __ballot_sync(mask, value) \
  ::ingrad::kernels::emulation::warp_vote((value) != 0, INGRAD_HERE)

template <class T>
inline T __ldg(const T* p) {
  return *p;
}
// Sequentially consistent, as one thread at a time runs, or atomic under ThreadSanitizer.
template <class T>
inline T atomicAdd(T* to, T value) {
  return __atomic_fetch_add(to, value, __ATOMIC_SEQ_CST);
}
template <class T>
inline T atomicExch(T* to, T value) {
  return __atomic_exchange_n(to, value, __ATOMIC_SEQ_CST);
}
template <class T>
inline T atomicMax(T* to, T value) {
  T seen = __atomic_load_n(to, __ATOMIC_SEQ_CST);
  while (seen < value &&
         !__atomic_compare_exchange_n(to, &seen, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
  return seen;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
