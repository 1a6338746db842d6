// SPDX-License-Identifier: Apache-2.0
#include "engine/fork_join.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace ingrad {
namespace {

template <class F>
void fork(int parts, const F& f) {
  fork_join(
      parts, [](const void* context, int i) { (*static_cast<const F*>(context))(i); }, &f);
}

// Counts calls per part.
struct Calls {
  explicit Calls(int parts) : of_part(static_cast<std::size_t>(parts)) {}
  void operator()(int i) const { ++of_part[static_cast<std::size_t>(i)]; }
  void expect_each(int times) const {
    for (std::size_t i = 0; i < of_part.size(); ++i) EXPECT_EQ(of_part[i], times) << "part " << i;
  }
  mutable std::vector<std::atomic<int>> of_part;
};

TEST(ForkJoin, RunsEveryPartOnce) {
  for (const int parts : {1, 2, 3, 17, 200}) {
    const Calls calls(parts);
    for (int round = 0; round < 50; ++round) fork(parts, calls);
    calls.expect_each(50);
  }
}

TEST(ForkJoin, WhatPartsWroteIsSeenAfterwards) {
  std::array<int, 4> values{};
  for (int round = 1; round <= 2000; ++round) {
    fork(4, [&](int i) { values[static_cast<std::size_t>(i)] = round; });
    EXPECT_EQ(values, (std::array{round, round, round, round}));
  }
}

TEST(ForkJoin, RegionsWithinPartsRunOnTheirThread) {
  const Calls calls(5);
  fork(3, [&](int) {
    const auto self = std::this_thread::get_id();
    fork(5, [&](int i) {
      EXPECT_EQ(std::this_thread::get_id(), self);
      calls(i);
    });
  });
  calls.expect_each(3);
}

TEST(ForkJoin, ManyThreadsMayForkAtOnce) {
  const Calls calls(4);
  std::vector<std::thread> callers;
  for (int t = 0; t < 6; ++t) {
    callers.emplace_back([&] {
      for (int round = 0; round < 300; ++round) fork(4, calls);
    });
  }
  for (std::thread& t : callers) t.join();
  calls.expect_each(1800);
}

TEST(ForkJoin, ThrowsWhatAPartThrewOnceAllAreDone) {
  for (int round = 0; round < 20; ++round) {
    const Calls calls(6);
    EXPECT_THROW(fork(6,
                      [&](int i) {
                        calls(i);
                        if (i % 2 == 1) throw std::runtime_error("part");
                      }),
                 std::runtime_error);
    calls.expect_each(1);
  }
  const Calls after(6);
  fork(6, after);
  after.expect_each(1);
}

TEST(ForkJoin, SleepingThreadsAreNotNeeded) {
  const Calls calls(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    fork(3, calls);
  }
  calls.expect_each(5);
}

}  // namespace
}  // namespace ingrad
