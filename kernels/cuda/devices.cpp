// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/devices.h"

#ifdef INGRAD_HAS_CUDA
#include <cuda_runtime_api.h>
#endif

namespace ingrad::kernels {

#ifdef INGRAD_HAS_CUDA

CudaDevices cuda_devices() {
  CudaDevices found;
  found.built = true;
  found.toolkit =
      std::to_string(CUDART_VERSION / 1000) + "." + std::to_string(CUDART_VERSION % 1000 / 10);
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    found.problem = cudaGetErrorString(status);
    return found;
  }
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    found.devices.push_back(std::string(properties.name) + ", sm_" +
                            std::to_string(properties.major) + std::to_string(properties.minor));
  }
  if (found.devices.empty()) found.problem = "no device";
  return found;
}

#else

CudaDevices cuda_devices() { return {.problem = "built without a CUDA toolkit"}; }

#endif

}  // namespace ingrad::kernels
