// SPDX-License-Identifier: Apache-2.0
// Functions of NVIDIA's libraries in front of our own kernels, which do what these leave.
#pragma once

#include <cstdlib>
#include <string_view>

namespace ingrad::kernels::cuda {

// INGRAD_CUDA_LIBRARIES=off leaves all to our own kernels.
inline bool libraries_wanted() {
  const char* const wish = std::getenv("INGRAD_CUDA_LIBRARIES");
  return wish == nullptr || std::string_view(wish) != "off";
}

// After install_kernels(). False where the library is not there or not wanted.
bool install_cublaslt();
bool install_cudnn();

}  // namespace ingrad::kernels::cuda
