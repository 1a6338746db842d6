// SPDX-License-Identifier: Apache-2.0
// Tests of device kernels on the emulation; INGRAD_EMULATION_ORDER chooses the order of threads.
#include <gtest/gtest.h>

#include "kernels/cuda/library.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  ingrad::kernels::use_device_library(ingrad::kernels::emulated::library());
  return RUN_ALL_TESTS();
}
