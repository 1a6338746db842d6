// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kernels/cuda/devices.h"

namespace ingrad::kernels {
namespace {

// Without a GPU the library must start and say why there is none.
TEST(CudaDevices, EitherThereAreSomeOrItSaysWhyNot) {
  const CudaDevices found = cuda_devices();
  EXPECT_EQ(found.built, !found.toolkit.empty());
  EXPECT_NE(found.devices.empty(), found.problem.empty());
  if (!found.built) {
    EXPECT_TRUE(found.devices.empty());
  }
}

}  // namespace
}  // namespace ingrad::kernels
