// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/random.h"

namespace ingrad::kernels::cpu {

void random_uniform_f32(const RandomArgs& a, Range range);
void random_uniform_f64(const RandomArgs& a, Range range);
void random_normal_f32(const RandomArgs& a, Range range);
void random_normal_f64(const RandomArgs& a, Range range);
void random_bernoulli_f32(const RandomArgs& a, Range range);
void random_bernoulli_f64(const RandomArgs& a, Range range);
void random_bernoulli_i32(const RandomArgs& a, Range range);
void random_bernoulli_i64(const RandomArgs& a, Range range);
void random_bernoulli_u8(const RandomArgs& a, Range range);
void dropout_f32(const DropoutArgs& a, Range range);
void dropout_f64(const DropoutArgs& a, Range range);

}  // namespace ingrad::kernels::cpu
