// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/norm.h"

namespace ingrad::kernels::reference {

void row_norm_f32(const RowNormArgs& a, Range r);
void row_norm_f64(const RowNormArgs& a, Range r);
void row_norm_grad_f32(const RowNormGradArgs& a, Range r);
void row_norm_grad_f64(const RowNormGradArgs& a, Range r);
void channel_affine_f32(const ChannelAffineArgs& a, Range r);
void channel_affine_f64(const ChannelAffineArgs& a, Range r);

}  // namespace ingrad::kernels::reference
