// SPDX-License-Identifier: Apache-2.0
// How much of an attribution lies where the ground truth says it should.
#pragma once

#include <vector>

#include "engine/tensor.h"

namespace ingrad {

// Per sample, the share of attribution inside a mask; NaN where it is undefined (an empty mask, or
// no attribution at all), and the number of such samples.
struct RegionShare {
  std::vector<double> share;  // [N]
  double mean = 0;            // over the defined ones; NaN if there is none
  std::int64_t undefined = 0;
};

// attribution [N, ...] floating, mask [N, ...] boolean of the same shape. `positive_only`: the share
// of max(a, 0) instead of |a|. Error when the shapes differ.
RegionShare share_in_mask(const Tensor& attribution, const Tensor& mask, bool positive_only = false,
                          Location where = Location::current());

// Of the q largest |a| of each sample (a fraction in (0, 1], at least one element; ties by index),
// the share inside the mask.
RegionShare top_share_in_mask(const Tensor& attribution, const Tensor& mask, double fraction,
                              Location where = Location::current());

}  // namespace ingrad
