// SPDX-License-Identifier: Apache-2.0
// Usual choices of baselines, for the `baselines` of every method that takes them. Several stand
// for a distribution: the methods give the mean over them. All are f32, on the CPU. (Zero is what
// methods take without any; a token's is its embedding, [D].)
#pragma once

#include <cstdint>
#include <vector>

#include "attribution/paths/gaussian_blur.h"
#include "engine/tensor.h"
#include "models/training/adversarial.h"

namespace ingrad {

// One raw value, such as a grey, in every element of a sample of this shape. `domain` says how raw
// values became inputs (by channel, axis 0 of a sample); its bounds play no part. Where inputs are
// normalised, zero is the mean colour, not black.
Tensor constant_baseline(const Shape& row, double raw, const InputDomain& domain = {},
                         Location where = Location::current());
// Raw values `low` and `high` everywhere.
std::vector<Tensor> black_and_white_baselines(const Shape& row, double low = 0, double high = 1,
                                              const InputDomain& domain = {},
                                              Location where = Location::current());

// The mean of the rows of `data` [M, ...].
Tensor mean_baseline(const Tensor& data, Location where = Location::current());
// `count` rows of `data` [M, ...], different ones, by chance. Error when there are fewer.
std::vector<Tensor> sampled_baselines(const Tensor& data, std::int64_t count,
                                      std::uint64_t seed = 1, Location where = Location::current());

// The pictures x [N, C, H, W] themselves, blurred.
Tensor blurred_baseline(const Tensor& x, double sigma, BlurEdge edge = BlurEdge::nearest,
                        Location where = Location::current());
// Per element the one of two values that is further from x [N, ...] (at ties the lower one): no
// feature is at its baseline. `low` and `high` broadcast to x. Error unless low <= high.
Tensor most_distant_baseline(const Tensor& x, const Tensor& low, const Tensor& high,
                             Location where = Location::current());
// `count` baselines for x [N, ...], uniform in [low, high), each sample with its own draws by its
// number, first_sample + n.
std::vector<Tensor> uniform_baselines(const Tensor& x, double low, double high, std::int64_t count,
                                      std::uint64_t seed = 1, std::int64_t first_sample = 0,
                                      Location where = Location::current());

}  // namespace ingrad
