// SPDX-License-Identifier: Apache-2.0
// The one way to start a device kernel, on the GPU or emulated (kernels/cuda/emulate.h), and what a
// launcher may ask for. Launchers are the entries of Backend::cuda in the families: they do all
// work units in one call, whatever the range, on the stream of the calling thread. Errors are
// noted down and reported by the device library (kernels/device.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/kernel.h"

#ifdef __CUDACC__

#include <cuda_runtime.h>

// The namespace of the kernels, which are compiled twice.
#define INGRAD_DEVICE cuda
#define INGRAD_UNROLL _Pragma("unroll")  // the loop that follows
#define INGRAD_UNROLL_BY(n) INGRAD_PRAGMA(unroll n)  // likewise, some of its rounds at a time
#define INGRAD_PRAGMA(text) _Pragma(#text)
// A function object that runs on the device: INGRAD_LAMBDA(std::int64_t i) { ... }.
#define INGRAD_LAMBDA [=] __device__
// Arrays in shared memory, of a size known to the compiler, and of the launch's.
#define INGRAD_SHARED(type, name, count) __shared__ type name[count]
#define INGRAD_DYNAMIC_SHARED(type, name)                              \
  extern __shared__ __align__(16) unsigned char ingrad_dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(ingrad_dynamic_shared)

#else

#include "kernels/cuda/emulate.h"

#define INGRAD_DEVICE emulated
#define INGRAD_UNROLL
#define INGRAD_UNROLL_BY(n)
#define INGRAD_LAMBDA [=]
#define INGRAD_SHARED(type, name, count) \
  type* const name =                     \
      static_cast<type*>(::ingrad::kernels::emulation::shared(sizeof(type) * (count)))
#define INGRAD_DYNAMIC_SHARED(type, name) \
  type* const name = static_cast<type*>(::ingrad::kernels::emulation::dynamic_shared())

#endif

namespace ingrad::kernels::INGRAD_DEVICE {

// A copy of a table in host memory that kernels can read; kept for good, once per content.
const void* device_table(const void* table, std::size_t bytes);
template <class T>
const T* device_table(const T* table, std::int64_t count) {
  if (table == nullptr) return nullptr;
  return static_cast<const T*>(
      device_table(static_cast<const void*>(table), static_cast<std::size_t>(count) * sizeof(T)));
}
// Working memory of one launcher's kernels, of any content; the next launcher may get the same.
void* device_scratch(std::int64_t bytes);

inline constexpr unsigned kBlock = 256;  // threads, where nothing speaks for another number
inline unsigned blocks_for(std::int64_t n, std::int64_t per_block) {
  return static_cast<unsigned>((n + per_block - 1) / per_block);
}

#ifdef __CUDACC__

cudaStream_t current_stream();
void note(cudaError_t status, const char* call);

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, A... args) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  if (shared_bytes > 48 * 1024) {
    note(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                              static_cast<int>(shared_bytes)),
         "cudaFuncSetAttribute");
  }
  kernel<<<grid, block, shared_bytes, current_stream()>>>(static_cast<P>(args)...);
  note(cudaGetLastError(), "kernel launch");
}

template <class F>
__global__ void __launch_bounds__(kBlock) each(F f, std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  if (i < n) f(i);
}
// Calls f(i) for every i below n, in no order: for kernels whose threads do not meet.
template <class F>
void launch_each(std::int64_t n, F f) {
  if (n > 0) launch(each<F>, blocks_for(n, kBlock), kBlock, 0, f, n);
}

#else

// While one lives, the memory of the emulated device can be touched; at other times, as with a real
// one, that is a fault.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, A... args) {
  const DeviceAccess access;
  emulation::run(grid, block, shared_bytes, [&] { kernel(static_cast<P>(args)...); });
}

template <class F>
void launch_each(std::int64_t n, F f) {
  const DeviceAccess access;
  for (std::int64_t i = 0; i < n; ++i) f(emulation::element_at(i, n));
}

#endif

}  // namespace ingrad::kernels::INGRAD_DEVICE
