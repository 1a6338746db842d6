// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/probe.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::bench {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Twelve chains hide the latency of the multiply-add on every machine at hand.
constexpr std::size_t kChains = 12;

float Fma(std::size_t iterations) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const V scale = hn::Set(d, 0.999f);
  const V shift = hn::Set(d, 0.001f);
  // Different values in each, or the compiler would merge them.
  V a0 = hn::Iota(d, 0.0f), a1 = hn::Iota(d, 1.0f), a2 = hn::Iota(d, 2.0f), a3 = hn::Iota(d, 3.0f);
  V a4 = hn::Iota(d, 4.0f), a5 = hn::Iota(d, 5.0f), a6 = hn::Iota(d, 6.0f), a7 = hn::Iota(d, 7.0f);
  V a8 = hn::Iota(d, 8.0f), a9 = hn::Iota(d, 9.0f), a10 = hn::Iota(d, 10.0f),
    a11 = hn::Iota(d, 11.0f);
  for (std::size_t i = 0; i < iterations; ++i) {
    a0 = hn::MulAdd(a0, scale, shift);
    a1 = hn::MulAdd(a1, scale, shift);
    a2 = hn::MulAdd(a2, scale, shift);
    a3 = hn::MulAdd(a3, scale, shift);
    a4 = hn::MulAdd(a4, scale, shift);
    a5 = hn::MulAdd(a5, scale, shift);
    a6 = hn::MulAdd(a6, scale, shift);
    a7 = hn::MulAdd(a7, scale, shift);
    a8 = hn::MulAdd(a8, scale, shift);
    a9 = hn::MulAdd(a9, scale, shift);
    a10 = hn::MulAdd(a10, scale, shift);
    a11 = hn::MulAdd(a11, scale, shift);
  }
  const V left = hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(a4, a5));
  const V right = hn::Add(hn::Add(hn::Add(a6, a7), hn::Add(a8, a9)), hn::Add(a10, a11));
  return hn::GetLane(hn::Add(left, right));
}

double FlopsPerRound() {
  return 2.0 * static_cast<double>(kChains * hn::Lanes(hn::ScalableTag<float>()));
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <vector>

#include "bench/probe.h"
#include "engine/fork_join.h"
#include "engine/parallel.h"

namespace ingrad::bench {

HWY_EXPORT(Fma);
HWY_EXPORT(FlopsPerRound);

float run_fma(std::size_t iterations) { return HWY_DYNAMIC_DISPATCH(Fma)(iterations); }
double fma_flops_per_round() { return HWY_DYNAMIC_DISPATCH(FlopsPerRound)(); }

namespace {

// Seconds in which all threads have run `body`, which gets the thread's number, once.
template <class Body>
double timed(int threads, Body body) {
  const auto start = std::chrono::steady_clock::now();
  fork_join(
      threads, [](const void* b, int t) { (*static_cast<const Body*>(b))(t); }, &body);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void probe_fma(benchmark::State& state) {
  const int n = threads();
  double best = 0;
  for (auto _ : state) best = std::max(best, fma_peak(n));
  state.counters["gflops"] = best;
}

// Reads (and for copies writes) `bytes` per thread again and again: the bandwidth of whatever
// level of the memory that fits in.
void probe_memory(benchmark::State& state, bool copies) {
  const int n = threads();
  const auto bytes = static_cast<std::size_t>(state.range(0));
  std::vector<std::vector<float>> from(static_cast<std::size_t>(n)), to(from.size());
  for (auto& v : from) v.assign(bytes / sizeof(float), 1.0f);
  for (auto& v : to) v.assign(bytes / sizeof(float), 0.0f);
  for (auto _ : state) {
    timed(n, [&](int thread) {
      const auto t = static_cast<std::size_t>(thread);
      if (copies) {
        std::memcpy(to[t].data(), from[t].data(), bytes);
        benchmark::DoNotOptimize(to[t].data());
      } else {
        std::array<float, 64> sum{};
        const float* p = from[t].data();
        for (std::size_t i = 0; i + 64 <= from[t].size(); i += 64) {
          for (std::size_t k = 0; k < 64; ++k) sum[k] += p[i + k];
        }
        benchmark::DoNotOptimize(sum);
      }
    });
  }
  state.SetBytesProcessed(state.iterations() * n * static_cast<std::int64_t>(bytes) *
                          (copies ? 2 : 1));
}

void probe_read(benchmark::State& state) { probe_memory(state, false); }
void probe_copy(benchmark::State& state) { probe_memory(state, true); }

BENCHMARK(probe_fma)->Name("probe/fma")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(probe_read)
    ->Name("probe/read")
    ->Arg(1 << 14)
    ->Arg(1 << 18)
    ->Arg(1 << 22)
    ->Arg(1 << 27)
    ->UseRealTime();
BENCHMARK(probe_copy)
    ->Name("probe/copy")
    ->Arg(1 << 14)
    ->Arg(1 << 18)
    ->Arg(1 << 22)
    ->Arg(1 << 27)
    ->UseRealTime();

}  // namespace

double fma_peak(int n) {
  constexpr std::size_t kRounds = 200000;
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    const double seconds = timed(n, [](int) { benchmark::DoNotOptimize(run_fma(kRounds)); });
    best = std::max(best, static_cast<double>(n) * kRounds * fma_flops_per_round() / seconds / 1e9);
  }
  return best;
}

}  // namespace ingrad::bench
#endif
