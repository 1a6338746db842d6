// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/resample.h"

namespace ingrad::kernels::cpu {

void resample_f32(const ResampleArgs& a, Range range);
void resample_f64(const ResampleArgs& a, Range range);

// Tables that only move elements; Bits: see kernels/bits.h.
template <class Bits>
void resample_move(const ResampleArgs& a, Range range);

}  // namespace ingrad::kernels::cpu
