// SPDX-License-Identifier: Apache-2.0
// Running sums.
#pragma once

#include "engine/tensor.h"

namespace ingrad {

// y[i] = x[0] + ... + x[i] along `axis`, or x[i] + ... + x[n - 1] when `reverse`. Any dtype;
// integers and booleans add up to i64.
Tensor cumsum(const Tensor& x, std::int64_t axis, bool reverse = false,
              Location where = Location::current());

}  // namespace ingrad
