// SPDX-License-Identifier: Apache-2.0
#include "engine/parallel.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "engine/storage.h"

#if defined(__SANITIZE_THREAD__)
#define INGRAD_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define INGRAD_THREAD_SANITIZER 1
#endif
#endif

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

void fork(const Region& region) {
#ifdef INGRAD_THREAD_SANITIZER
  // The OpenMP runtime is not instrumented: plain threads let the sanitizer see every access.
  std::vector<std::thread> workers;
  for (int t = 1; t < region.threads; ++t) workers.emplace_back([&region, t] { region.run(t); });
  region.run(0);
  for (std::thread& w : workers) w.join();
#else
#pragma omp parallel num_threads(region.threads)
  // The runtime may grant fewer threads than asked for.
  for (int t = omp_get_thread_num(); t < region.threads; t += omp_get_num_threads()) region.run(t);
#endif
}

}  // namespace

void set_threads(int n) { chosen_threads = std::max(n, 0); }

int threads() {
  const int n = chosen_threads;
  return n > 0 ? n : omp_get_max_threads();
}

void set_min_cost_per_thread(std::int64_t cost) {
  min_cost_per_thread = cost > 0 ? cost : kMinCostPerThread;
}

void parallel_ranges(std::int64_t units, std::int64_t cost, std::int64_t scratch_bytes,
                     void (*body)(const void* context, kernels::Range range), const void* context) {
  std::int64_t n = std::min<std::int64_t>({threads(), units, cost / min_cost_per_thread.load()});
  if (omp_in_parallel() != 0) n = 1;
  const Region region{units, scratch_bytes, body, context,
                      static_cast<int>(std::max<std::int64_t>(n, 1))};
  if (region.threads == 1) {
    region.run(0);
  } else {
    fork(region);
  }
}

void fail_unsupported(std::string_view kernel, DType dtype, kernels::Backend backend,
                      Location where) {
  const char* name = backend == kernels::Backend::reference ? "reference"
                     : backend == kernels::Backend::cpu     ? "cpu"
                                                            : "cuda";
  throw Error(fmt::format("{}: dtype {} is not supported on the {} back end", kernel,
                          name_of(dtype), name),
              where);
}

}  // namespace ingrad
