// SPDX-License-Identifier: Apache-2.0
#include "engine/storage.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

#include "engine/device.h"
#include "engine/kernel_recorder.h"

namespace ingrad {
namespace {

constexpr std::size_t kAlign = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Buckets grow by at most a quarter, so that a slightly different batch reuses the same blocks.
std::size_t bucket_bytes(std::size_t bytes) {
  const std::size_t padded = std::max((bytes + kAlign - 1) / kAlign * kAlign, kAlign);
  if (padded <= 1024) return padded;
  const std::size_t step = std::bit_floor(padded) / 4;
  return (padded + step - 1) / step * step;
}

std::int64_t half_of_memory() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) / 2 * sysconf(_SC_PAGESIZE);
}

class Cache {
 public:
  // Leaked on purpose: tensors with static storage may be released after main.
  static Cache& instance() {
    static Cache* cache = new Cache;
    return *cache;
  }

  void* take(std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      stats_.live += static_cast<std::int64_t>(bytes);
      stats_.peak = std::max(stats_.peak, stats_.live);
      ++stats_.allocations;
      auto& blocks = free_[bytes];
      if (!blocks.empty()) {
        void* p = blocks.back();
        blocks.pop_back();
        stats_.cached -= static_cast<std::int64_t>(bytes);
        return p;
      }
      ++stats_.from_system;
    }
    void* p = fresh(bytes);
    if (p == nullptr) {
      trim();
      p = fresh(bytes);
    }
    if (p == nullptr) {
      const std::lock_guard lock(mutex_);
      stats_.live -= static_cast<std::int64_t>(bytes);
    }
    return p;
  }

  void give(void* p, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto size = static_cast<std::int64_t>(bytes);
    stats_.live -= size;
    if (stats_.cached + size > limit_) {
      std::free(p);
      return;
    }
    stats_.cached += size;
    free_[bytes].push_back(p);
  }

  void set_limit(std::int64_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      limit_ = bytes < 0 ? half_of_memory() : bytes;
      if (stats_.cached <= limit_) return;
    }
    trim();
  }

  void trim() {
    const std::lock_guard lock(mutex_);
    for (auto& [bytes, blocks] : free_) {
      for (void* p : blocks) std::free(p);
      blocks.clear();
    }
    stats_.cached = 0;
  }

  MemoryStats stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }
  void reset_peak() {
    const std::lock_guard lock(mutex_);
    stats_.peak = stats_.live;
  }

 private:
  static void* fresh(std::size_t bytes) {
    const std::size_t align = bytes >= kHugePage ? kHugePage : kAlign;
    void* p = std::aligned_alloc(align, (bytes + align - 1) / align * align);
#ifdef MADV_HUGEPAGE
    if (p != nullptr && align == kHugePage) madvise(p, bytes, MADV_HUGEPAGE);
#endif
    return p;
  }

  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;
  MemoryStats stats_;
  std::int64_t limit_ = half_of_memory();
};

}  // namespace

Storage::Storage(void* data, std::int64_t bytes, Device device, Deleter deleter)
    : data_(data), bytes_(bytes), device_(device), deleter_(std::move(deleter)) {}

Storage::~Storage() {
  if (deleter_) deleter_(data_);
}

std::shared_ptr<Storage> Storage::allocate(std::int64_t bytes, Device device, Location where) {
  if (KernelRecorder* const recorder = KernelRecorder::active()) {
    return recorder->allocate(bytes, device);
  }
  if (device.kind != Device::Kind::cpu) return allocate_on_device(bytes, device, where);
  const std::size_t bucket = bucket_bytes(static_cast<std::size_t>(bytes));
  void* p = Cache::instance().take(bucket);
  if (p == nullptr) {
    throw Error(fmt::format("allocate: out of memory, asked for {} bytes", bytes), where);
  }
  return std::shared_ptr<Storage>(new Storage(
      p, bytes, device, [bucket](void* block) { Cache::instance().give(block, bucket); }));
}

std::shared_ptr<Storage> Storage::allocate_on_device(std::int64_t bytes, Device device,
                                                     Location where) {
  kernels::DeviceLibrary& library = library_of(device, where);
  // Operands are never null, even those without elements.
  void* const p = library.allocate(std::max<std::int64_t>(bytes, 1));
  check_device_errors("allocate", where);  // of earlier kernels, too, after which nothing works
  if (p == nullptr) {
    const kernels::DeviceMemory m = library.memory();
    throw Error(fmt::format("allocate: out of memory on {}, asked for {} bytes; {} are held, {} of "
                            "{} free",
                            device.str(), bytes, m.live + m.cached, m.free, m.total),
                where);
  }
  const int index = device.index;
  return std::shared_ptr<Storage>(new Storage(p, bytes, device, [&library, index](void* block) {
    library.release(index, block);
  }));
}

std::shared_ptr<Storage> Storage::symbolic(void* address, std::int64_t bytes, Device device,
                                           Deleter deleter) {
  std::shared_ptr<Storage> storage(new Storage(address, bytes, device, std::move(deleter)));
  storage->symbolic_ = true;
  return storage;
}

std::shared_ptr<Storage> Storage::adopt(void* data, std::int64_t bytes, Deleter deleter,
                                        Device device) {
  return std::shared_ptr<Storage>(new Storage(data, bytes, device, std::move(deleter)));
}

MemoryStats memory_stats() { return Cache::instance().stats(); }
void reset_memory_peak() { Cache::instance().reset_peak(); }
void trim_memory() { Cache::instance().trim(); }
void set_memory_cache_limit(std::int64_t bytes) { Cache::instance().set_limit(bytes); }

}  // namespace ingrad
