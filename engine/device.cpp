// SPDX-License-Identifier: Apache-2.0
#include "engine/device.h"

#include <fmt/format.h>

namespace ingrad {
namespace {

thread_local Device current;

kernels::DeviceLibrary& existing(Device device, Location where) {
  kernels::DeviceLibrary* const library = kernels::device_library();
  if (library == nullptr) {
    throw Error(fmt::format("device: {} is not there; this build or machine has no GPU (`ingrad "
                            "info` says why)",
                            device.str()),
                where);
  }
  if (device.index >= library->count()) {
    throw Error(fmt::format("device: {} is not there; the last one is cuda:{}", device.str(),
                            library->count() - 1),
                where);
  }
  return *library;
}

}  // namespace

Device current_device() { return current; }

DeviceScope::DeviceScope(Device device, Location where) : before_(current) {
  if (device.kind == Device::Kind::cuda && device != current) library_of(device, where);
  current = device;
}

DeviceScope::~DeviceScope() { current = before_; }

int device_count() {
  const kernels::DeviceLibrary* const library = kernels::device_library();
  return library == nullptr ? 0 : library->count();
}

std::string device_name(Device device, Location where) {
  if (device.kind == Device::Kind::cpu) throw Error("device_name: of the cpu", where);
  return library_of(device, where).describe(device.index);
}

void synchronize(Device device, Location where) {
  if (device.kind == Device::Kind::cpu) return;
  library_of(device, where).synchronize();
  check_device_errors("synchronize", where);
}

kernels::DeviceMemory device_memory(Device device, Location where) {
  if (device.kind == Device::Kind::cpu) {
    throw Error("device_memory: of the cpu; see memory_stats()", where);
  }
  return library_of(device, where).memory();
}

kernels::DeviceLibrary& library_of(Device device, Location where) {
  kernels::DeviceLibrary& library = existing(device, where);
  library.select(device.index);
  return library;
}

void check_device_errors(std::string_view what, Location where) {
  kernels::DeviceLibrary* const library = kernels::device_library();
  if (library == nullptr) return;
  const std::string error = library->take_error();
  if (!error.empty()) throw Error(fmt::format("{}: {}", what, error), where);
}

}  // namespace ingrad
