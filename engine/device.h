// SPDX-License-Identifier: Apache-2.0
// Devices: where new tensors are made, and the library behind an accelerator.
#pragma once

#include "engine/error.h"
#include "engine/spec.h"
#include "kernels/device.h"
#include "kernels/kernel.h"

namespace ingrad {

// Where the calling thread makes tensors: cpu at first. While an op runs, the device of its inputs.
Device current_device();

// Changes it for a scope, to a device that exists (Error otherwise).
class DeviceScope {
 public:
  explicit DeviceScope(Device device, Location where = Location::current());
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  Device before_;
};

// Of accelerators; 0 where this build or machine has none.
int device_count();
// "NVIDIA H200, sm_90"; Error for the CPU.
std::string device_name(Device device, Location where = Location::current());
// Waits until everything asked of the device is done. Nothing to do for the CPU.
void synchronize(Device device, Location where = Location::current());
// Of an accelerator; Error for the CPU.
kernels::DeviceMemory device_memory(Device device, Location where = Location::current());

// ---- for the engine ----
// Whose kernels run there.
inline kernels::Backend backend_of(Device device) {
  return device.kind == Device::Kind::cpu ? kernels::Backend::cpu : kernels::Backend::cuda;
}
// The library behind a device, selected for the calling thread; Error where there is none.
kernels::DeviceLibrary& library_of(Device device, Location where);
// Error if something has failed on a device since the last check; `what` was tried.
void check_device_errors(std::string_view what, Location where);

}  // namespace ingrad
