// SPDX-License-Identifier: Apache-2.0
// The emulation itself: what it computes, and that it notices planted bugs.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define INGRAD_HAS_TSAN
#endif
#if __has_feature(address_sanitizer)
#define INGRAD_HAS_ASAN
#endif
#endif

#include "kernels/cuda/emulate.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/cuda/block.cuh"

namespace ingrad::kernels::emulated {
namespace {

enum class Bug { none, missing_barrier, divergent_barrier, divergent_shuffle, uninitialised };

// Sums of rows by a block each, with room for bugs.
template <Bug kBug>
__global__ void row_sums(const float* x, float* y, int n) {
  INGRAD_SHARED(float, parts, 8);
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += static_cast<int>(blockDim.x)) {
    sum += x[static_cast<int>(blockIdx.x) * n + i];
  }
  if (kBug != Bug::divergent_shuffle || threadIdx.x != 5) sum = warp_all(sum, Sum());
  if (threadIdx.x % kWarp == 0 && (kBug != Bug::uninitialised || threadIdx.x != 0)) {
    parts[threadIdx.x / kWarp] = sum;
  }
  if (kBug != Bug::missing_barrier && (kBug != Bug::divergent_barrier || threadIdx.x < 40)) {
    __syncthreads();
  }
  if (threadIdx.x != 0) return;
  sum = 0;
  for (unsigned w = 0; w < blockDim.x / kWarp; ++w) sum += parts[w];
  y[blockIdx.x] = sum;
}

class Emulation : public ::testing::Test {
 protected:
  void SetUp() override { before_ = emulation::order(); }
  void TearDown() override { emulation::set_order(before_); }

  template <Bug kBug>
  std::vector<float> sums(emulation::Order order) const {
    emulation::set_order(order);
    std::vector<float> x(kRows * kColumns), y(kRows);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7);
    launch(row_sums<kBug>, dim3(kRows), dim3(128), 0, x.data(), y.data(), int{kColumns});
    return y;
  }
  static constexpr unsigned kRows = 3, kColumns = 300;

 private:
  emulation::Order before_{};
};

constexpr emulation::Order kOrders[] = {emulation::Order::forward, emulation::Order::reverse,
                                        emulation::Order::random};

TEST_F(Emulation, RunsBlocksInEveryOrder) {
  for (const auto order : kOrders) {
    const std::vector<float> y = sums<Bug::none>(order);
    for (unsigned row = 0; row < kRows; ++row) {
      float expected = 0;
      for (unsigned i = 0; i < kColumns; ++i) expected += static_cast<float>((row * kColumns + i) % 7);
      EXPECT_EQ(y[row], expected);
    }
  }
}

#ifndef INGRAD_HAS_TSAN

// Without the barrier the first thread reads what others have not yet written: poison.
TEST_F(Emulation, NoticesAMissingBarrier) {
  EXPECT_NE(sums<Bug::missing_barrier>(emulation::Order::forward), sums<Bug::none>(emulation::Order::forward));
}

TEST_F(Emulation, NoticesAnUninitialisedRead) {
  for (const float y : sums<Bug::uninitialised>(emulation::Order::forward)) EXPECT_TRUE(std::isnan(y));
}

#endif

template <class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "none";
}

TEST_F(Emulation, NamesTheLineOfADivergentBarrier) {
  const std::string error =
      error_of([&] { sums<Bug::divergent_barrier>(emulation::Order::forward); });
  EXPECT_NE(error.find("barrier divergence"), std::string::npos) << error;
  EXPECT_NE(error.find("emulation_test.cpp:"), std::string::npos) << error;
}

TEST_F(Emulation, NamesTheLineOfADivergentShuffle) {
  const std::string error =
      error_of([&] { sums<Bug::divergent_shuffle>(emulation::Order::forward); });
  EXPECT_NE(error.find("barrier divergence"), std::string::npos) << error;
}

TEST_F(Emulation, VotesAndShufflesLikeAWarp) {
  for (const auto order : kOrders) {
    emulation::set_order(order);
    std::vector<unsigned> votes(64);
    std::vector<int> up(64), down(64), first(64);
    emulation::run(dim3(1), dim3(64), 0, [&] {
      const unsigned t = threadIdx.x;
      votes[t] = __ballot_sync(0xffffffffu, t % 3 == 0);
      up[t] = __shfl_up_sync(0xffffffffu, static_cast<int>(t), 1);
      down[t] = __shfl_down_sync(0xffffffffu, static_cast<int>(t), 2);
      first[t] = __shfl_sync(0xffffffffu, static_cast<int>(t), 0);
    });
    for (unsigned t = 0; t < 64; ++t) {
      const int lane = static_cast<int>(t % 32), warp = static_cast<int>(t / 32) * 32;
      EXPECT_EQ(votes[t] >> lane & 1u, t % 3 == 0 ? 1u : 0u);
      EXPECT_EQ(up[t], warp + (lane == 0 ? 0 : lane - 1));
      EXPECT_EQ(down[t], warp + (lane + 2 > 31 ? lane : lane + 2));
      EXPECT_EQ(first[t], warp);
    }
  }
}

TEST_F(Emulation, ElementsComeInEveryOrderOnce) {
  for (const auto order : kOrders) {
    emulation::set_order(order);
    for (const std::int64_t n : {1, 2, 7, 100, 1024}) {
      std::vector<int> seen(static_cast<std::size_t>(n));
      launch_each(n, [&](std::int64_t i) { ++seen[static_cast<std::size_t>(i)]; });
      EXPECT_EQ(seen, std::vector<int>(static_cast<std::size_t>(n), 1));
    }
  }
}

#ifdef INGRAD_HAS_ASAN
using EmulationDeathTest = Emulation;
TEST_F(EmulationDeathTest, AddressSanitizerSeesTheEndOfSharedArrays) {
  EXPECT_DEATH(emulation::run(dim3(1), dim3(32), 0,
                              [&] {
                                INGRAD_SHARED(float, parts, 31);
                                parts[threadIdx.x] = 1;
                              }),
               "heap-buffer-overflow");
}
#endif

}  // namespace
}  // namespace ingrad::kernels::emulated
