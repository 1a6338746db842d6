// SPDX-License-Identifier: Apache-2.0
#include "engine/fork_join.h"

#include <array>
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

// The current region in one word, so that a thread that comes late never mixes two: its number and
// its parts.
struct Word {
  std::uint64_t region;
  int parts;

  static Word of(std::uint64_t bits) { return {bits >> 16, static_cast<int>(bits & 0xffff)}; }
  std::uint64_t bits() const { return region << 16 | static_cast<std::uint64_t>(parts); }
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
    const Word word{Word::of(word_.load(std::memory_order_relaxed)).region + 1, parts};
    word_.store(word.bits());
    word_.notify_all();
    take_parts(word, 0);
    const auto finished = [&] { return left_.load(std::memory_order_acquire) == 0; };
    if (!spin(finished)) {
      for (int left = left_.load(); left != 0; left = left_.load()) left_.wait(left);
    }
    if (failure_) std::rethrow_exception(failure_);
    return true;
  }

 private:
  void start_threads(int wanted) {
    for (; threads_ < wanted; ++threads_) {
      std::thread([this, own = threads_ + 1] { work(own); }).detach();
    }
  }

  // Runs the parts of a region that nobody has begun, the thread's own first: data that a thread
  // wrote in one region is in its cache in the next.
  void take_parts(Word word, int own) {
    for (int k = 0; k < word.parts; ++k) {
      const int i = (own + k) % word.parts;
      std::atomic<std::uint64_t>& begun = begun_[static_cast<std::size_t>(i)];
      std::uint64_t last = begun.load(std::memory_order_acquire);
      // Where the region is over, all its parts have been begun by it or by a later one.
      if (last >= word.region || !begun.compare_exchange_strong(last, word.region)) continue;
      // The region cannot end before this part does, so its description stays.
      try {
        part_(context_, i);
      } catch (...) {
        const std::lock_guard lock(failing_);
        if (!failure_) failure_ = std::current_exception();
      }
      if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
    }
  }

  [[noreturn]] void work(int own) {
    std::uint64_t seen = 0;
    for (;;) {
      const auto changed = [&] { return word_.load(std::memory_order_acquire) != seen; };
      if (!spin(changed)) word_.wait(seen);
      seen = word_.load(std::memory_order_acquire);
      if (seen != 0) take_parts(Word::of(seen), own);
    }
  }

  std::mutex running_;
  int threads_ = 0;
  std::atomic<std::uint64_t> word_{0};
  std::array<std::atomic<std::uint64_t>, kMostParts> begun_{};  // the last region that began a part
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
