// SPDX-License-Identifier: Apache-2.0
// What the engine asks of an accelerator: memory, copies, and the order of things. The library of
// kernels behind Backend::cuda comes in two forms, the CUDA one and its emulation on the host
// (kernels/cuda/emulate.h), of which a process uses one.
//
// All work of a device, kernels and copies, runs in the order in which it was asked for. Functions
// do not throw; what failed is noted down for the calling thread and told by take_error().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ingrad::kernels {

// Bytes, of one device.
struct DeviceMemory {
  std::int64_t total = 0, free = 0;  // of the machine
  std::int64_t live = 0, peak = 0;   // given out now, and at most since the last reset
  std::int64_t cached = 0;           // kept for reuse
  std::int64_t allocations = 0;      // since the start
};

class DeviceLibrary {
 public:
  virtual ~DeviceLibrary() = default;
  virtual std::string_view name() const = 0;  // "cuda", "emulated"
  virtual int count() const = 0;              // of devices
  virtual std::string describe(int device) const = 0;
  // Kernels and functions below are for this device from now on, on the calling thread.
  virtual void select(int device) = 0;

  // 256-byte aligned, uninitialised; null when there is none left, after caches have been freed.
  virtual void* allocate(std::int64_t bytes) = 0;
  virtual void release(int device, void* p) = 0;
  virtual DeviceMemory memory() = 0;
  virtual void trim() = 0;  // gives cached memory back
  virtual void reset_peak() = 0;

  // From and to host memory: the host may touch its side as soon as they return.
  virtual void upload(void* to, const void* from, std::int64_t bytes) = 0;
  virtual void download(void* to, const void* from, std::int64_t bytes) = 0;
  virtual void copy(void* to, const void* from, std::int64_t bytes) = 0;  // on the device
  virtual void fill(void* to, int byte, std::int64_t bytes) = 0;
  virtual void synchronize() = 0;

  // Between begin_recording and end_recording kernels of the calling thread are noted down, not
  // run; what comes back can be replayed any number of times. Null where that is not supported or
  // has failed. No memory may be asked for meanwhile.
  virtual void begin_recording() = 0;
  virtual void* end_recording() = 0;
  virtual void replay(void* recording) = 0;
  virtual void discard(void* recording) = 0;

  // The first thing that failed on the calling thread since the last call; empty: nothing did.
  virtual std::string take_error() = 0;
};

// Null where there is no device. At first the CUDA library, if this build has one and the machine a
// device.
DeviceLibrary* device_library();
// For tests: the emulation, or none.
void use_device_library(DeviceLibrary* library);

}  // namespace ingrad::kernels
