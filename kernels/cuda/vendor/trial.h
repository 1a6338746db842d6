// SPDX-License-Identifier: Apache-2.0
// Trying out the ways in which a library can compute the same thing: which of them give the same
// bits, and which is the fastest.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/launch.h"

namespace ingrad::kernels::cuda {

// Not while kernels are recorded: they would not run.
inline bool can_try() {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  return cudaStreamIsCapturing(current_stream(), &status) == cudaSuccess &&
         status == cudaStreamCaptureStatusNone;
}

// With numbers in [-1, 1) that look random.
template <class T>
void fill_for_trial(T* to, std::int64_t count) {
  launch_each(
      count, INGRAD_LAMBDA(std::int64_t i) {
        auto bits = static_cast<std::uint32_t>(i) * 2654435761u;
        bits = (bits ^ bits >> 15) * 2246822519u;
        bits ^= bits >> 13;
        to[i] = static_cast<T>(static_cast<std::int32_t>(bits)) / static_cast<T>(2147483648.0);
      });
}

// Device memory of its own, filled like that; null if there is not enough.
template <class T>
class TrialArray {
 public:
  explicit TrialArray(std::int64_t count) : count_(count) {
    const auto bytes = static_cast<std::size_t>(std::max<std::int64_t>(count, 1)) * sizeof(T);
    if (cudaMalloc(&data_, bytes) != cudaSuccess) {
      static_cast<void>(cudaGetLastError());
      data_ = nullptr;
      return;
    }
    fill_for_trial(get(), count);
  }
  ~TrialArray() { cudaFree(data_); }
  TrialArray(const TrialArray&) = delete;
  TrialArray& operator=(const TrialArray&) = delete;

  T* get() const { return static_cast<T*>(data_); }
  std::int64_t count() const { return count_; }

 private:
  void* data_ = nullptr;
  std::int64_t count_;
};

// Waits for both.
template <class T>
bool same_bits(const TrialArray<T>& a, const TrialArray<T>& b) {
  using Word = std::uint32_t;
  TrialArray<Word> differ(1);
  if (differ.get() == nullptr) return false;
  Word* const flag = differ.get();
  const auto* const x = reinterpret_cast<const Word*>(a.get());
  const auto* const y = reinterpret_cast<const Word*>(b.get());
  launch_each(
      1, INGRAD_LAMBDA(std::int64_t) { *flag = 0; });
  launch_each(
      a.count() * static_cast<std::int64_t>(sizeof(T) / sizeof(Word)),
      INGRAD_LAMBDA(std::int64_t i) {
        if (x[i] != y[i]) *flag = 1;
      });
  Word found = 1;
  const bool copied = cudaMemcpyAsync(&found, flag, sizeof found, cudaMemcpyDeviceToHost,
                                      current_stream()) == cudaSuccess &&
                      cudaStreamSynchronize(current_stream()) == cudaSuccess;
  return copied && found == 0;
}

inline constexpr float kNever = 1e30f;  // milliseconds

// The least time of a few runs, in milliseconds; of one, if that takes twice as long as `enough`.
// kNever if one fails.
template <class Run>
float fastest_run(float enough, const Run& run) {
  cudaEvent_t start = nullptr, end = nullptr;
  cudaEventCreate(&start);
  cudaEventCreate(&end);
  float least = kNever;
  for (int i = 0; i < 4 && (i == 0 || least < 2 * enough); ++i) {
    cudaEventRecord(start, current_stream());
    const bool good = run();
    cudaEventRecord(end, current_stream());
    float time = kNever;
    if (cudaEventSynchronize(end) != cudaSuccess || !good ||
        cudaEventElapsedTime(&time, start, end) != cudaSuccess) {
      least = kNever;
      break;
    }
    least = std::min(least, time);
  }
  cudaEventDestroy(start);
  cudaEventDestroy(end);
  return least;
}

}  // namespace ingrad::kernels::cuda
