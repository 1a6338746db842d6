// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/program.h"

namespace ingrad {

// Floating-point operations of the matrix products and convolutions of a program, two for a
// multiply-add; taps on padding count.
double product_flops(const Program& program);

}  // namespace ingrad
