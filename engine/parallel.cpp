// SPDX-License-Identifier: Apache-2.0
#include "engine/parallel.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "engine/fork_join.h"
#include "engine/storage.h"

namespace ingrad {
namespace {

// Below this many element operations a fork and join costs more than it brings.
constexpr std::int64_t kMinCostPerThread = 16384;

std::atomic<int> chosen_threads{0};
std::atomic<std::int64_t> min_cost_per_thread{kMinCostPerThread};

// Working memory of the calling thread: grows, never shrinks, so that kernels need not allocate.
void* thread_scratch(std::int64_t bytes) {
  if (bytes <= 0) return nullptr;
  thread_local std::shared_ptr<Storage> block;
  if (!block || block->bytes() < bytes) block = Storage::allocate(bytes);
  return block->data();
}

struct Region {
  std::int64_t units;
  std::int64_t scratch_bytes;
  void (*body)(const void*, kernels::Range);
  const void* context;
  int threads;

  void run(int t) const {
    body(context, {units * t / threads, units * (t + 1) / threads, thread_scratch(scratch_bytes)});
  }
};

}  // namespace

void set_threads(int n) { chosen_threads = std::max(n, 0); }

int threads() {
  const int n = chosen_threads;
  return n > 0 ? n : omp_get_max_threads();
}

void set_min_cost_per_thread(std::int64_t cost) {
  min_cost_per_thread = cost > 0 ? cost : kMinCostPerThread;
}

bool in_parallel_region() { return omp_in_parallel() != 0; }

int threads_for(std::int64_t units, std::int64_t cost) {
  if (in_parallel_region()) return 1;
  const std::int64_t n =
      std::min<std::int64_t>({threads(), units, cost / min_cost_per_thread.load(), kMostParts});
  return static_cast<int>(std::max<std::int64_t>(n, 1));
}

void parallel_ranges(std::int64_t units, std::int64_t cost, std::int64_t scratch_bytes,
                     void (*body)(const void* context, kernels::Range range), const void* context) {
  const Region region{units, scratch_bytes, body, context, threads_for(units, cost)};
  fork_join(
      region.threads, [](const void* r, int t) { static_cast<const Region*>(r)->run(t); }, &region);
}

void fail_unsupported(std::string_view kernel, DType dtype, kernels::Backend backend,
                      Location where) {
  const char* name = backend == kernels::Backend::reference ? "reference"
                     : backend == kernels::Backend::cpu     ? "cpu"
                                                            : "cuda";
  throw Error(
      fmt::format("{}: dtype {} is not supported on the {} back end", kernel, name_of(dtype), name),
      where);
}

}  // namespace ingrad
