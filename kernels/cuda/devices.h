// SPDX-License-Identifier: Apache-2.0
// What CUDA offers: in this build, and on this machine.
#pragma once

#include <string>
#include <vector>

namespace ingrad::kernels {

struct CudaDevices {
  bool built = false;                     // with a CUDA toolkit
  std::string toolkit = {};               // "13.0"; empty if not built
  std::vector<std::string> devices = {};  // "NVIDIA H100 80GB HBM3, sm_90"
  std::string problem = {};  // why there are none, in the driver's words; empty if there are
};
// Asks the driver each time. Never fails: a machine without a driver has no devices.
CudaDevices cuda_devices();

}  // namespace ingrad::kernels
