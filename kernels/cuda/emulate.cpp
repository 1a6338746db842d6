// SPDX-License-Identifier: Apache-2.0
// The scheduler of emulated blocks. Fibers change places by a few instructions on x86-64 (a switch
// by ucontext asks the system twice), by ucontext elsewhere; AddressSanitizer is told.
#include "kernels/cuda/emulate.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define INGRAD_SYSTEM_THREADS
#endif
#if __has_feature(address_sanitizer)
#define INGRAD_ADDRESS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define INGRAD_SYSTEM_THREADS
#endif
#if defined(__SANITIZE_ADDRESS__)
#define INGRAD_ADDRESS_SANITIZER
#endif

#ifdef INGRAD_SYSTEM_THREADS
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#elif !defined(__x86_64__)
#include <ucontext.h>
#endif
#ifdef INGRAD_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

namespace ingrad::kernels::emulation {
namespace {

Order order_from_environment() {
  const char* const v = std::getenv("INGRAD_EMULATION_ORDER");
  if (v != nullptr && std::string_view(v) == "reverse") return Order::reverse;
  if (v != nullptr && std::string_view(v) == "random") return Order::random;
  return Order::forward;
}
Order chosen_order = order_from_environment();

#ifndef INGRAD_SYSTEM_THREADS
constexpr std::size_t kStack = 256 * 1024;

#ifdef __x86_64__
// A place on a stack to which execution can return: its callee-saved registers lie there.
struct Execution {
  void* stack = nullptr;
};
extern "C" void ingrad_switch_stacks(void** from, void* to);
asm(R"(
.text
.type ingrad_switch_stacks, @function
ingrad_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
void prepare(Execution& e, char* stack, void (*entry)()) {
  // As if `entry` had just been called, at an address of the parity that calls leave behind.
  auto* top = reinterpret_cast<void**>((reinterpret_cast<std::uintptr_t>(stack) + kStack) / 16 * 16);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int saved = 0; saved < 6; ++saved) *--top = nullptr;
  e.stack = top;
}
void change(Execution& from, Execution& to) { ingrad_switch_stacks(&from.stack, to.stack); }
#else
struct Execution {
  ucontext_t context;
};
void prepare(Execution& e, char* stack, void (*entry)()) {
  getcontext(&e.context);
  e.context.uc_stack.ss_sp = stack;
  e.context.uc_stack.ss_size = kStack;
  e.context.uc_link = nullptr;
  makecontext(&e.context, entry, 0);
}
void change(Execution& from, Execution& to) { swapcontext(&from.context, &to.context); }
#endif
#endif

constexpr unsigned kLanes = 32;
enum class State { ready, at_block_barrier, at_warp_barrier, done };

struct Thread {
  Position at;
  unsigned number = 0;
  State state = State::ready;
  const char* where = "";
  std::size_t shared_arrays = 0;  // that it has asked for
#ifndef INGRAD_SYSTEM_THREADS
  Execution execution;
  std::unique_ptr<char[]> stack;
  void* fake_stack = nullptr;
#endif
};

// Bytes of a heap block of their own, NaN at first.
struct SharedArray {
  explicit SharedArray(std::size_t n) : size(n), bytes(new unsigned char[n]) {
    std::memset(bytes.get(), 0xff, n);
  }
  std::size_t size;
  std::unique_ptr<unsigned char[]> bytes;
};

struct Warp {
  std::uint64_t brought[kLanes] = {};
};

class Block {
 public:
  Block(dim3 grid, dim3 size, dim3 index, std::size_t shared_bytes,
        const std::function<void()>& kernel)
      : kernel_(kernel), threads_(size.x * size.y * size.z),
        warps_((threads_.size() + kLanes - 1) / kLanes), dynamic_(shared_bytes) {
    for (unsigned i = 0; i < threads_.size(); ++i) {
      threads_[i].number = i;
      threads_[i].at = {dim3(i % size.x, i / size.x % size.y, i / (size.x * size.y)), index, size,
                        grid};
    }
  }
  void run();
  void* shared(std::size_t bytes);
  void* dynamic() { return dynamic_.bytes.get(); }
  void wait(State state, const char* where);
  Warp& warp(const Thread& t) { return warps_[t.number / kLanes]; }
  unsigned lanes_of(std::size_t warp) const {
    return static_cast<unsigned>(std::min<std::size_t>(kLanes, threads_.size() - warp * kLanes));
  }

 private:
  [[noreturn]] void fail_diverged() const;
  const std::function<void()>& kernel_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<SharedArray>> shared_;
  SharedArray dynamic_;
#ifdef INGRAD_SYSTEM_THREADS
  void body(Thread& t);
  bool release();  // with the lock held: lets go whom a barrier may let go
  std::mutex lock_;
  std::condition_variable changed_;
  bool failed_ = false;
#else
  static void entry();
  void resume(Thread& t);
  void to_scheduler(bool last);
  Execution scheduler_;
  void* scheduler_fake_ = nullptr;
  const void* scheduler_stack_ = nullptr;
  std::size_t scheduler_size_ = 0;
#endif
};

thread_local Block* block = nullptr;
thread_local Thread* thread = nullptr;

void Block::fail_diverged() const {
  std::size_t waiting = 0, gone = 0;
  const char* where = "";
  for (const Thread& t : threads_) {
    if (t.state == State::done) ++gone;
    if (t.state == State::at_block_barrier || t.state == State::at_warp_barrier) {
      ++waiting;
      where = t.where;
    }
  }
  throw std::runtime_error("barrier divergence: " + std::to_string(waiting) + " of " +
                           std::to_string(threads_.size()) + " threads wait, at " + where + " among others, " +
                           std::to_string(gone) + " have ended");
}

#ifdef INGRAD_SYSTEM_THREADS

void* Block::shared(std::size_t bytes) {
  const std::lock_guard guard(lock_);
  const std::size_t n = thread->shared_arrays++;
  if (n == shared_.size()) shared_.push_back(std::make_unique<SharedArray>(bytes));
  return shared_[n]->bytes.get();
}

bool Block::release() {
  bool any = false;
  const auto count = [&](std::size_t from, std::size_t to, State s) {
    return static_cast<std::size_t>(
        std::count_if(threads_.begin() + static_cast<std::ptrdiff_t>(from),
                      threads_.begin() + static_cast<std::ptrdiff_t>(to),
                      [&](const Thread& t) { return t.state == s; }));
  };
  const auto let_go = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) threads_[i].state = State::ready;
    any = true;
  };
  for (std::size_t w = 0; w < warps_.size(); ++w) {
    const std::size_t from = w * kLanes, to = from + lanes_of(w);
    if (count(from, to, State::at_warp_barrier) == to - from) let_go(from, to);
  }
  if (count(0, threads_.size(), State::at_block_barrier) == threads_.size()) {
    let_go(0, threads_.size());
  }
  if (!any && count(0, threads_.size(), State::ready) == 0 &&
      count(0, threads_.size(), State::done) < threads_.size()) {
    failed_ = true;
    any = true;
  }
  return any;
}

struct Diverged {};

void Block::wait(State state, const char* where) {
  std::unique_lock guard(lock_);
  thread->state = state;
  thread->where = where;
  if (release()) changed_.notify_all();
  changed_.wait(guard, [&] { return failed_ || thread->state == State::ready; });
  if (failed_) throw Diverged{};
}

void Block::body(Thread& t) {
  block = this;
  thread = &t;
  position = &t.at;
  try {
    kernel_();
  } catch (const Diverged&) {
    return;
  }
  const std::lock_guard guard(lock_);
  t.state = State::done;
  if (release()) changed_.notify_all();
}

void Block::run() {
  std::vector<std::thread> running;
  for (Thread& t : threads_) running.emplace_back([this, &t] { body(t); });
  for (std::thread& t : running) t.join();
  if (failed_) fail_diverged();
}

#else

// Stacks are kept: a fresh one costs more than most threads do.
std::vector<std::unique_ptr<char[]>>& spare_stacks() {
  thread_local std::vector<std::unique_ptr<char[]>> spare;
  return spare;
}
std::unique_ptr<char[]> take_stack() {
  auto& spare = spare_stacks();
  if (spare.empty()) return std::unique_ptr<char[]>(new char[kStack]);
  auto stack = std::move(spare.back());
  spare.pop_back();
  return stack;
}

void* Block::shared(std::size_t bytes) {
  const std::size_t n = thread->shared_arrays++;
  if (n == shared_.size()) shared_.push_back(std::make_unique<SharedArray>(bytes));
  if (shared_[n]->size != bytes) throw std::runtime_error("threads ask for different shared arrays");
  return shared_[n]->bytes.get();
}

void Block::to_scheduler([[maybe_unused]] bool last) {
  Thread* const me = thread;
#ifdef INGRAD_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(last ? nullptr : &me->fake_stack, scheduler_stack_,
                                 scheduler_size_);
#endif
  change(me->execution, scheduler_);
#ifdef INGRAD_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(me->fake_stack, nullptr, nullptr);
#endif
}

void Block::entry() {
#ifdef INGRAD_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(nullptr, &block->scheduler_stack_, &block->scheduler_size_);
#endif
  block->kernel_();
  thread->state = State::done;
  block->to_scheduler(true);
}

void Block::resume(Thread& t) {
  thread = &t;
  position = &t.at;
#ifdef INGRAD_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(&scheduler_fake_, t.stack.get(), kStack);
#endif
  change(scheduler_, t.execution);
#ifdef INGRAD_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(scheduler_fake_, nullptr, nullptr);
#endif
}

void Block::wait(State state, const char* where) {
  thread->state = state;
  thread->where = where;
  to_scheduler(false);
}

void Block::run() {
  block = this;
  for (Thread& t : threads_) {
    t.stack = take_stack();
    prepare(t.execution, t.stack.get(), &Block::entry);
  }
  std::vector<std::size_t> turn(threads_.size());
  std::iota(turn.begin(), turn.end(), 0);
  if (chosen_order == Order::reverse) std::reverse(turn.begin(), turn.end());
  std::mt19937 random(threads_.front().at.block.x);
  for (;;) {
    if (chosen_order == Order::random) std::shuffle(turn.begin(), turn.end(), random);
    for (const std::size_t i : turn) {
      if (threads_[i].state == State::ready) resume(threads_[i]);
    }
    std::size_t done = 0, at_barrier = 0;
    bool any = false;
    for (std::size_t w = 0; w < warps_.size(); ++w) {
      const std::size_t from = w * kLanes, to = from + lanes_of(w);
      std::size_t at_warp = 0;
      for (std::size_t i = from; i < to; ++i) {
        done += threads_[i].state == State::done;
        at_barrier += threads_[i].state == State::at_block_barrier;
        at_warp += threads_[i].state == State::at_warp_barrier;
      }
      if (at_warp == to - from) {
        for (std::size_t i = from; i < to; ++i) threads_[i].state = State::ready;
        any = true;
      }
    }
    if (done == threads_.size()) break;
    if (at_barrier == threads_.size()) {
      for (Thread& t : threads_) t.state = State::ready;
    } else if (!any) {
      fail_diverged();
    }
  }
  for (Thread& t : threads_) spare_stacks().push_back(std::move(t.stack));
}

#endif

}  // namespace

void set_order(Order o) { chosen_order = o; }
Order order() { return chosen_order; }

std::int64_t element_at(std::int64_t i, std::int64_t n) {
  if (chosen_order == Order::forward) return i;
  if (chosen_order == Order::reverse) return n - 1 - i;
  // A step that shares no factor with n visits every element once.
  std::int64_t step = static_cast<std::int64_t>(0.618 * static_cast<double>(n)) | 1;
  while (std::gcd(step, n) != 1) ++step;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(step) %
                                   static_cast<std::uint64_t>(n));
}

void run(dim3 grid, dim3 size, std::size_t shared_bytes, const std::function<void()>& kernel) {
  Block* const outer_block = block;
  Thread* const outer_thread = thread;
  const std::int64_t blocks = std::int64_t{grid.x} * grid.y * grid.z;
  for (std::int64_t turn = 0; turn < blocks; ++turn) {
    const auto i = static_cast<unsigned>(element_at(turn, blocks));
    Block b(grid, size, dim3(i % grid.x, i / grid.x % grid.y, i / (grid.x * grid.y)), shared_bytes,
            kernel);
    b.run();
  }
  block = outer_block;
  thread = outer_thread;
}

void* shared(std::size_t bytes) { return block->shared(bytes); }
void* dynamic_shared() { return block->dynamic(); }
void block_barrier(const char* where) { block->wait(State::at_block_barrier, where); }

std::uint64_t warp_exchange(std::uint64_t brought, int from, const char* where) {
  Warp& warp = block->warp(*thread);
  const unsigned lane = thread->number % kLanes;
  const unsigned lanes = block->lanes_of(thread->number / kLanes);
  warp.brought[lane] = brought;
  block->wait(State::at_warp_barrier, where);
  const std::uint64_t got =
      from < 0 || from >= static_cast<int>(lanes) ? brought : warp.brought[from];
  block->wait(State::at_warp_barrier, where);
  return got;
}

unsigned warp_vote(bool brought, const char* where) {
  Warp& warp = block->warp(*thread);
  const unsigned lanes = block->lanes_of(thread->number / kLanes);
  warp.brought[thread->number % kLanes] = brought;
  block->wait(State::at_warp_barrier, where);
  unsigned bits = 0;
  for (unsigned i = 0; i < lanes; ++i) bits |= (warp.brought[i] != 0 ? 1u : 0u) << i;
  block->wait(State::at_warp_barrier, where);
  return bits;
}

}  // namespace ingrad::kernels::emulation
