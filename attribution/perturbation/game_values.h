// SPDX-License-Identifier: Apache-2.0
// Values of cooperative games whose every coalition is known.
#pragma once

#include <vector>

namespace ingrad {

// Shapley values of the game v: one number per coalition, bit p of whose index says whether player
// p is in it. Exact up to rounding; v has 2^M entries.
std::vector<double> shapley_values(const std::vector<double>& v);

}  // namespace ingrad
