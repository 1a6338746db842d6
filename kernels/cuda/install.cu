// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/install.h"

namespace ingrad::kernels::INGRAD_DEVICE {

void install_kernels() {
  install_attention();
  install_conv();
  install_copy();
  install_elementwise();
  install_gemm();
  install_index();
  install_loss();
  install_mlp_gradient();
  install_norm();
  install_pool();
  install_random();
  install_reduce();
  install_resample();
  install_scan();
  install_softmax();
  install_sort();
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
