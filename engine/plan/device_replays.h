// SPDX-License-Identifier: Apache-2.0
// Kernels of a plan as recorded graphs, one for each set of arrays and number of rows that has come
// twice: the first time they are started one by one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/device.h"

namespace ingrad {

class DeviceReplays {
 public:
  explicit DeviceReplays(Device device) : device_(device) {}
  ~DeviceReplays();
  DeviceReplays(const DeviceReplays&) = delete;
  DeviceReplays& operator=(const DeviceReplays&) = delete;

  // start(context) starts the kernels for these arrays.
  void run(std::span<const void* const> inputs, std::span<void* const> outputs, std::int64_t rows,
           void (*start)(const void* context), const void* context, Location where);

 private:
  static constexpr std::size_t kMost = 16;  // the least recently used goes

  struct Entry {
    std::int64_t rows;
    std::vector<const void*> arrays;
    void* recording = nullptr;  // null: came once
    std::uint64_t used = 0;
  };
  Entry* find(std::span<const void* const> inputs, std::span<void* const> outputs,
              std::int64_t rows);

  Device device_;
  std::vector<Entry> entries_;
  std::uint64_t clock_ = 0;
};

}  // namespace ingrad
