// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/reduce.h"

namespace ingrad::kernels::reference {

void reduce_f32(const ReduceArgs& a, Range r);
void reduce_f64(const ReduceArgs& a, Range r);
void reduce_i32(const ReduceArgs& a, Range r);
void reduce_i64(const ReduceArgs& a, Range r);
void reduce_u8(const ReduceArgs& a, Range r);
void reduce_combine_f32(const ReduceCombineArgs& a, Range r);
void reduce_combine_f64(const ReduceCombineArgs& a, Range r);

}  // namespace ingrad::kernels::reference
