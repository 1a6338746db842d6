// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/sort.h"

namespace ingrad::kernels::cpu {

template <DType kType>
void sort(const SortArgs& a, Range range);

}  // namespace ingrad::kernels::cpu
