// SPDX-License-Identifier: Apache-2.0
// The two libraries of device kernels. The first call installs the kernels in the families.
#pragma once

#include "kernels/device.h"

namespace ingrad::kernels {

namespace cuda {
// Null where this build has no CUDA or the machine no device.
DeviceLibrary* library();
}  // namespace cuda

namespace emulated {
// In programs that link ingrad_kernels_emulated.
DeviceLibrary* library();
}  // namespace emulated

}  // namespace ingrad::kernels
