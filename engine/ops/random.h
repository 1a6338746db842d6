// SPDX-License-Identifier: Apache-2.0
// Random ops; the numbers themselves are in engine/random.h.
#pragma once

#include "engine/random.h"
#include "engine/tensor.h"

namespace ingrad {

// Each element of x [N, ...] is zero with probability p, else x / (1 - p); which ones follows from
// the key: row r of axis 0 belongs to key.sample + r, whatever the batch. The mask is not stored but
// computed again for the gradient. Error: p outside [0, 1), rank 0.
Tensor dropout(const Tensor& x, double p, const RandomKey& key,
               Location where = Location::current());

}  // namespace ingrad
