// SPDX-License-Identifier: Apache-2.0
// Entering the device kernels into the families, one function per file of kernels.
#pragma once

#include "kernels/cuda/launch.h"

namespace ingrad::kernels::INGRAD_DEVICE {

void install_attention();
void install_conv();
void install_copy();
void install_elementwise();
void install_gemm();
void install_index();
void install_loss();
void install_mlp_gradient();
void install_norm();
void install_pool();
void install_random();
void install_reduce();
void install_resample();
void install_scan();
void install_softmax();
void install_sort();

void install_kernels();  // all of them

// Of both floating dtypes that are computed in.
template <class Args>
void install_floats(const Family<Args>& family, void (*f32)(const Args&, Range),
                    void (*f64)(const Args&, Range)) {
  family.install(DType::f32, f32);
  family.install(DType::f64, f64);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
