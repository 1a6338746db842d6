// SPDX-License-Identifier: Apache-2.0
// Softmax and log-softmax.
#pragma once

#include "engine/tensor.h"

namespace ingrad {

// exp(x) / sum(exp(x)) along `axis`, without overflow. Floating dtypes. A line with +infinity, or
// with nothing but -infinity, gives NaN.
Tensor softmax(const Tensor& x, std::int64_t axis, Location where = Location::current());
// log(softmax(x)), without the rounding of small probabilities to 0.
Tensor log_softmax(const Tensor& x, std::int64_t axis, Location where = Location::current());

}  // namespace ingrad
