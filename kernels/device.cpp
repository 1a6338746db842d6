// SPDX-License-Identifier: Apache-2.0
#include "kernels/device.h"

#include <atomic>

#include "kernels/cuda/library.h"

namespace ingrad::kernels {
namespace {
std::atomic<DeviceLibrary*>& chosen() {
  static std::atomic<DeviceLibrary*> library{cuda::library()};
  return library;
}
}  // namespace

DeviceLibrary* device_library() { return chosen(); }
void use_device_library(DeviceLibrary* library) { chosen() = library; }

#ifndef INGRAD_HAS_CUDA
DeviceLibrary* cuda::library() { return nullptr; }
#endif

}  // namespace ingrad::kernels
