// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/gemm.h"

namespace ingrad::kernels::reference {

void gemm_f32(const GemmArgs& a, Range r);
void gemm_f64(const GemmArgs& a, Range r);
void gemm_i64(const GemmArgs& a, Range r);

}  // namespace ingrad::kernels::reference
