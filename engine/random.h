// SPDX-License-Identifier: Apache-2.0
// Tensors of random numbers by counter: every element is a function of (seed, stream, sample, draw,
// element), so that values do not depend on batch size, order, threads or instruction set.
#pragma once

#include <string_view>

#include "engine/int_list.h"
#include "engine/tensor.h"
#include "kernels/philox.h"

namespace ingrad {

using kernels::RandomKey;

// A stream by name ("dropout.layer3"): the 64-bit FNV-1a hash.
std::uint64_t stream_of(std::string_view name);

// Row r of axis 0 belongs to key.sample + r; elements are counted within a row. Error for shape [].
// Uniform in [low, high), f32 or f64; Error unless low < high, both finite.
Tensor random_uniform(IntList shape, const RandomKey& key, double low = 0, double high = 1,
                      DType dtype = DType::f32, Location where = Location::current());
// f32 or f64; Error unless the standard deviation is finite and not negative.
Tensor random_normal(IntList shape, const RandomKey& key, double mean = 0,
                     double standard_deviation = 1, DType dtype = DType::f32,
                     Location where = Location::current());
// One with the given probability, else zero; f32, f64, i32, i64, u8 or boolean. Error outside [0, 1].
Tensor random_bernoulli(IntList shape, const RandomKey& key, double probability,
                        DType dtype = DType::boolean, Location where = Location::current());
// Integers in [low, high), unbiased; i32 or i64. Error unless low < high.
Tensor random_integers(IntList shape, const RandomKey& key, std::int64_t low, std::int64_t high,
                       DType dtype = DType::i64, Location where = Location::current());
// 0 ... count - 1 in random order: i64 [count].
Tensor random_permutation(std::int64_t count, const RandomKey& key,
                          Location where = Location::current());

}  // namespace ingrad
