// SPDX-License-Identifier: Apache-2.0
// Bound by memory, and by the order of additions where that is part of the contract: plain loops.
#pragma once

#include "kernels/index.h"

namespace ingrad::kernels::cpu {

// Bits: see kernels/bits.h.
template <class Bits>
void gather(const IndexArgs& a, Range range);
// T: float, double, and the unsigned types for integers, which wrap around without overflow.
template <class T>
void scatter_sum(const IndexArgs& a, Range range);
template <class T>
void one_hot(const OneHotArgs& a, Range range);

}  // namespace ingrad::kernels::cpu
