// SPDX-License-Identifier: Apache-2.0
// The multipliers of DeepLIFT as backward rules of ops.
#pragma once

#include <cstdint>

#include "engine/differentiate.h"

namespace ingrad {

// Rules for computations on so many pairs of rows: rows 2i and 2i + 1 of every value that depends
// on the input are those of a sample and of its reference. A cotangent holds multipliers m, the
// same in both rows of a pair: for the input with differences d of a pair, m d adds up to the
// difference of the output (summation to delta, Shrikumar et al. 2017). Linear ops have their
// ordinary rule, and
//
//   elementwise         dy / dz where z differs by more than 1e-6 of its size, else the derivative
//                       halfway (Rescale)
//   products            du (v + v') / 2 + dv (u + u') / 2; quotients as products with 1 / v
//   maxima, max-pooling  the larger of both outputs moves from one winner to the other
//   softmax             by its exponentials, sum and quotient, with one shift for both rows
//   where(c, a, b)      by the mean of c over both rows: exact where it does not differ
//   other composites    by their definitions
//
// Everything else is an Error that names the op. Values must be tracked with save_all. Error
// messages begin with `method`.
Rules deep_lift_rules(std::int64_t pairs);

}  // namespace ingrad
