// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/program.h"

namespace ingrad {

// Floating-point operations of the matrix products (those in attention, too, between queries and
// the keys that they may see) and convolutions of a program, two for a multiply-add; taps on
// padding count. Of the forms that only plans have: what they compute, less the transforms of
// Winograd's method.
double product_flops(const Program& program);

}  // namespace ingrad
