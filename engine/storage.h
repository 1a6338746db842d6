// SPDX-License-Identifier: Apache-2.0
// Storage: a block of bytes with an owner. Blocks made here are 64-byte aligned, padded to a
// multiple of 64, and recycled through a size-bucketed cache, because fresh pages cost more than
// most kernels that fill them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "engine/spec.h"

namespace ingrad {

class Storage {
 public:
  using Deleter = std::function<void(void*)>;

  // Uninitialised memory. Throws Error with the byte count when there is none left.
  static std::shared_ptr<Storage> allocate(std::int64_t bytes, Device device = {},
                                           Location where = Location::current());
  // Adopts memory (mmap, DLPack, user buffers) without a copy; `deleter` may be empty.
  static std::shared_ptr<Storage> adopt(void* data, std::int64_t bytes, Deleter deleter,
                                        Device device = {});
  // An address that stands for memory to come: kernels may be given it, nobody may look there.
  static std::shared_ptr<Storage> symbolic(void* address, std::int64_t bytes, Device device,
                                           Deleter deleter);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }
  const Device& device() const { return device_; }
  bool is_symbolic() const { return symbolic_; }

 private:
  Storage(void* data, std::int64_t bytes, Device device, Deleter deleter);
  static std::shared_ptr<Storage> allocate_on_device(std::int64_t bytes, Device device,
                                                     Location where);
  void* data_;
  std::int64_t bytes_;
  Device device_;
  Deleter deleter_;
  bool symbolic_ = false;
};

// Counters of the CPU memory cache. Bytes: in use; the most in use since the last
// reset_memory_peak(); kept for reuse. Numbers since the start: blocks given out, and how many of
// them the system had to provide.
struct MemoryStats {
  std::int64_t live = 0;
  std::int64_t peak = 0;
  std::int64_t cached = 0;
  std::int64_t allocations = 0;
  std::int64_t from_system = 0;
};
MemoryStats memory_stats();
void reset_memory_peak();
// Returns cached blocks to the system.
void trim_memory();
// At most `bytes` are kept for reuse (0: nothing); a block that would exceed that goes back to the
// system. At start: half of the machine's memory. Negative restores that.
void set_memory_cache_limit(std::int64_t bytes);

}  // namespace ingrad
