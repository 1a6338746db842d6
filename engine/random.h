// SPDX-License-Identifier: Apache-2.0
// Tensors of random numbers by counter: every element is a function of (seed, stream, sample, draw,
// element), so that values do not depend on batch size, order, threads or instruction set.
#pragma once

#include "engine/tensor.h"
#include "kernels/philox.h"

namespace ingrad {

using kernels::RandomKey;

// Row r of axis 0 belongs to key.sample + r; elements are counted within a row. dtypes f32, f64.
// Uniform in [low, high); Error unless low < high.
Tensor random_uniform(const RandomKey& key, const Shape& shape, double low = 0, double high = 1,
                      DType dtype = DType::f32, Location where = Location::current());
// Error unless the standard deviation is finite and not negative.
Tensor random_normal(const RandomKey& key, const Shape& shape, double mean = 0,
                     double standard_deviation = 1, DType dtype = DType::f32,
                     Location where = Location::current());

}  // namespace ingrad
