// SPDX-License-Identifier: Apache-2.0
// Sorting lines of entries that all differ: Batcher's bitonic network (1968), on lines padded to a
// power of two with entries that come last. Short lines are sorted by a block in shared memory.
#pragma once

#include "kernels/cuda/launch.h"

namespace ingrad::kernels::INGRAD_DEVICE {

inline std::int64_t padded_line(std::int64_t n) {
  std::int64_t size = 2;
  while (size < n) size *= 2;
  return size;
}

// The i-th pair that a step with this distance compares, in a stage of sorted runs of `run`.
template <class Entry>
__device__ inline void compare_pair(Entry* line, std::int64_t i, std::int64_t run,
                                    std::int64_t distance) {
  const std::int64_t low = i / distance * 2 * distance + i % distance, high = low + distance;
  const bool rising = (low & run) == 0;
  const Entry a = line[low], b = line[high];
  if (rising ? b < a : a < b) {
    line[low] = b;
    line[high] = a;
  }
}

template <class Entry>
__global__ void __launch_bounds__(kBlock) sort_in_block(Entry* entries, std::int64_t size) {
  INGRAD_DYNAMIC_SHARED(Entry, line);
  Entry* const mine = entries + blockIdx.x * size;
  for (std::int64_t i = threadIdx.x; i < size; i += kBlock) line[i] = mine[i];
  for (std::int64_t run = 2; run <= size; run *= 2) {
    for (std::int64_t distance = run / 2; distance > 0; distance /= 2) {
      __syncthreads();
      for (std::int64_t i = threadIdx.x; i < size / 2; i += kBlock) {
        compare_pair(line, i, run, distance);
      }
    }
  }
  __syncthreads();
  for (std::int64_t i = threadIdx.x; i < size; i += kBlock) mine[i] = line[i];
}

// Sorts each of `lines` lines of `size` entries, a power of two of at least 2, in rising order.
template <class Entry>
void sort_lines(Entry* entries, std::int64_t lines, std::int64_t size) {
  const auto bytes = static_cast<std::size_t>(size) * sizeof(Entry);
  if (bytes <= 32 * 1024) {
    launch(sort_in_block<Entry>, static_cast<unsigned>(lines), kBlock, bytes, entries, size);
    return;
  }
  for (std::int64_t run = 2; run <= size; run *= 2) {
    for (std::int64_t distance = run / 2; distance > 0; distance /= 2) {
      launch_each(lines * (size / 2), INGRAD_LAMBDA(std::int64_t i) {
        compare_pair(entries + i / (size / 2) * size, i % (size / 2), run, distance);
      });
    }
  }
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
