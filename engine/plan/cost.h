// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/program.h"

namespace ingrad {

// Floating-point operations of the matrix products (those in attention, too, between queries and
// the keys that they may see) and convolutions of a program, two for a multiply-add; taps on
// padding count. Of the forms that only plans have: what they compute, less the transforms of
// Winograd's method.
double product_flops(const Program& program);

// Of a program for one row: rows of the matrix products (tokens of a sequence) with which half of
// their operations or more are done; 1 where convolutions do more.
std::int64_t product_rows(const Program& one_row);
// Bytes of constants that matrix products read.
std::int64_t product_constant_bytes(const Program& program);

}  // namespace ingrad
