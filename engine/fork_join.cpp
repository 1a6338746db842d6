// SPDX-License-Identifier: Apache-2.0
#include "engine/fork_join.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ingrad {
namespace {

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Spins until done() or until the time is over; says whether done() came true.
template <class Done>
bool spin(Done done) {
  // Longer than the gaps between the ops of a network, shorter than anyone would notice.
  constexpr auto kSpin = std::chrono::microseconds(50);
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

// What is left to begin of the current region, in one word so that a thread that comes late can
// never take a part of a region that it does not know: its number, its parts, the next part.
struct Word {
  std::uint32_t region;
  std::uint32_t parts;
  std::uint32_t next;

  static Word of(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits >> 16) & 0xffff,
            static_cast<std::uint32_t>(bits) & 0xffff};
  }
  std::uint64_t bits() const {
    return std::uint64_t{region} << 32 | std::uint64_t{parts} << 16 | next;
  }
};

class Pool {
 public:
  // Leaked on purpose: its threads may run as long as the process.
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

  // False if another region is running.
  bool try_run(int parts, void (*part)(const void*, int), const void* context) {
    const std::unique_lock only(running_, std::try_to_lock);
    if (!only) return false;
    start_threads(parts - 1);
    part_ = part;
    context_ = context;
    failure_ = nullptr;
    left_.store(parts, std::memory_order_relaxed);
    const std::uint32_t region = Word::of(word_.load(std::memory_order_relaxed)).region + 1;
    word_.store(Word{region, static_cast<std::uint32_t>(parts), 0}.bits());
    word_.notify_all();
    while (take_part()) {
    }
    const auto finished = [&] { return left_.load(std::memory_order_acquire) == 0; };
    if (!spin(finished)) {
      for (int left = left_.load(); left != 0; left = left_.load()) left_.wait(left);
    }
    if (failure_) std::rethrow_exception(failure_);
    return true;
  }

 private:
  void start_threads(int wanted) {
    for (; threads_ < wanted; ++threads_) std::thread([this] { work(); }).detach();
  }

  // Begins and runs one part; false if none is left.
  bool take_part() {
    std::uint64_t bits = word_.load(std::memory_order_acquire);
    Word word = Word::of(bits);
    do {
      word = Word::of(bits);
      if (word.next >= word.parts) return false;
    } while (!word_.compare_exchange_weak(bits, Word{word.region, word.parts, word.next + 1}.bits(),
                                          std::memory_order_acq_rel, std::memory_order_acquire));
    // The region cannot end before this part does, so its description stays.
    try {
      part_(context_, static_cast<int>(word.next));
    } catch (...) {
      const std::lock_guard lock(failing_);
      if (!failure_) failure_ = std::current_exception();
    }
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
    return true;
  }

  [[noreturn]] void work() {
    for (;;) {
      if (take_part()) continue;
      const std::uint64_t seen = word_.load(std::memory_order_acquire);
      const Word word = Word::of(seen);
      if (word.next < word.parts) continue;
      if (!spin([&] { return word_.load(std::memory_order_acquire) != seen; })) word_.wait(seen);
    }
  }

  std::mutex running_;
  int threads_ = 0;
  std::atomic<std::uint64_t> word_{0};
  std::atomic<int> left_{0};
  void (*part_)(const void*, int) = nullptr;
  const void* context_ = nullptr;
  std::mutex failing_;
  std::exception_ptr failure_;
};

}  // namespace

void fork_join(int parts, void (*part)(const void* context, int i), const void* context) {
  // Asking a mutex that the calling thread holds is not allowed: parts know that they are parts.
  thread_local bool inside = false;
  if (parts > 1 && !inside) {
    struct Call {
      void (*part)(const void*, int);
      const void* context;
    };
    const Call call{part, context};
    const bool ran = Pool::instance().try_run(
        parts,
        [](const void* c, int i) {
          struct Inside {
            Inside() { inside = true; }
            ~Inside() { inside = false; }
          } const mark;
          static_cast<const Call*>(c)->part(static_cast<const Call*>(c)->context, i);
        },
        &call);
    if (ran) return;
  }
  for (int i = 0; i < parts; ++i) part(context, i);
}

}  // namespace ingrad
