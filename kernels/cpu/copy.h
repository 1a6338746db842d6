// SPDX-License-Identifier: Apache-2.0
// Moves bits only, so memcpy and plain loops are as fast as anything written with vectors.
#pragma once

#include "kernels/copy.h"

namespace ingrad::kernels::cpu {

// Bits: see kernels/bits.h.
template <class Bits>
void copy(const CopyArgs& a, Range range);

}  // namespace ingrad::kernels::cpu
