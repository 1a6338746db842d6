// SPDX-License-Identifier: Apache-2.0
// A device whose memory is the host's, NaN at first. Under a sanitizer each allocation is a heap
// block of its own, so that its ends are seen; otherwise it lies in pages that can be touched while
// a kernel or a copy runs, and at no other time.
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "kernels/cuda/install.h"
#include "kernels/cuda/library.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INGRAD_HEAP_BLOCKS
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INGRAD_HEAP_BLOCKS
#endif

namespace ingrad::kernels::emulated {
namespace {

constexpr std::int64_t kTotal = std::int64_t{16} << 30;  // that it claims to have

#ifdef INGRAD_HEAP_BLOCKS

class Memory {
 public:
  void* take(std::size_t bytes) {
    return ::operator new(bytes, std::align_val_t{256}, std::nothrow);
  }
  void give(void* p, std::size_t) { ::operator delete(p, std::align_val_t{256}); }
  void open() {}
  void close() {}
};

#else

// Blocks of powers of two in one range of pages.
class Memory {
 public:
  Memory()
      : begin_(static_cast<unsigned char*>(mmap(nullptr, kTotal, PROT_NONE,
                                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                                                0))) {
    if (begin_ == MAP_FAILED) throw std::bad_alloc();
  }
  void* take(std::size_t bytes) {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(bytes, 256));
    auto& list = free_[size];
    if (!list.empty()) {
      void* const p = list.back();
      list.pop_back();
      return p;
    }
    if (used_ + size > static_cast<std::size_t>(kTotal)) return nullptr;
    used_ += size;
    return begin_ + used_ - size;
  }
  void give(void* p, std::size_t bytes) {
    free_[std::bit_ceil(std::max<std::size_t>(bytes, 256))].push_back(p);
  }
  void open() {
    const std::lock_guard guard(lock_);
    if (users_++ == 0) mprotect(begin_, kTotal, PROT_READ | PROT_WRITE);
  }
  void close() {
    const std::lock_guard guard(lock_);
    if (--users_ == 0) mprotect(begin_, kTotal, PROT_NONE);
  }

 private:
  unsigned char* begin_;
  std::size_t used_ = 0;
  std::map<std::size_t, std::vector<void*>> free_;
  std::mutex lock_;  // of users_
  int users_ = 0;
};

#endif

Memory& memory_of_device() {
  static Memory* const memory = new Memory;
  return *memory;
}

class Library final : public DeviceLibrary {
 public:
  Library() { install_kernels(); }
  std::string_view name() const override { return "emulated"; }
  int count() const override { return 1; }
  std::string describe(int) const override { return "emulated on the host"; }
  void select(int) override {}

  void* allocate(std::int64_t bytes) override {
    const std::lock_guard guard(lock_);
    if (bytes > kTotal - memory_.live) return nullptr;
    void* const p = memory_of_device().take(static_cast<std::size_t>(bytes));
    if (p == nullptr) return nullptr;
    const DeviceAccess access;
    std::memset(p, 0xff, static_cast<std::size_t>(bytes));
    sizes_[p] = bytes;
    memory_.live += bytes;
    memory_.peak = std::max(memory_.peak, memory_.live);
    ++memory_.allocations;
    return p;
  }
  void release(int, void* p) override {
    const std::lock_guard guard(lock_);
    const auto at = sizes_.find(p);
    memory_.live -= at->second;
    memory_of_device().give(p, static_cast<std::size_t>(at->second));
    sizes_.erase(at);
  }
  DeviceMemory memory() override {
    const std::lock_guard guard(lock_);
    DeviceMemory m = memory_;
    m.total = kTotal;
    m.free = kTotal - m.live;
    return m;
  }
  void trim() override {}
  void reset_peak() override {
    const std::lock_guard guard(lock_);
    memory_.peak = memory_.live;
  }

  void upload(void* to, const void* from, std::int64_t bytes) override { copy(to, from, bytes); }
  void download(void* to, const void* from, std::int64_t bytes) override { copy(to, from, bytes); }
  void copy(void* to, const void* from, std::int64_t bytes) override {
    const DeviceAccess access;
    if (bytes > 0) std::memmove(to, from, static_cast<std::size_t>(bytes));
  }
  void fill(void* to, int byte, std::int64_t bytes) override {
    const DeviceAccess access;
    if (bytes > 0) std::memset(to, byte, static_cast<std::size_t>(bytes));
  }
  void synchronize() override {}
  void begin_recording() override {}
  void* end_recording() override { return nullptr; }
  void replay(void*) override {}
  void discard(void*) override {}
  std::string take_error() override { return {}; }

 private:
  std::mutex lock_;
  std::map<void*, std::int64_t> sizes_;
  DeviceMemory memory_;
};

}  // namespace

DeviceAccess::DeviceAccess() { memory_of_device().open(); }
DeviceAccess::~DeviceAccess() { memory_of_device().close(); }

const void* device_table(const void* table, std::size_t) { return table; }

// A new block each time: what a launcher leaves in it is gone for the next.
void* device_scratch(std::int64_t bytes) {
  thread_local std::unique_ptr<unsigned char[]> block;
  const auto n = static_cast<std::size_t>(bytes);
  block.reset(new unsigned char[n]);
  std::memset(block.get(), 0xff, n);
  return block.get();
}

DeviceLibrary* library() {
  static Library* const instance = new Library;
  return instance;
}

}  // namespace ingrad::kernels::emulated
