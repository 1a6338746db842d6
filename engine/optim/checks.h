// SPDX-License-Identifier: Apache-2.0
// Checks of optimiser options, with one wording.
#pragma once

#include <string_view>

#include "engine/error.h"

namespace ingrad::optim {

// Error unless value >= minimum (NaN is refused).
void check_at_least(std::string_view optimizer, std::string_view option, double value,
                    double minimum, Location where);
// Error unless 0 <= value < 1.
void check_fraction(std::string_view optimizer, std::string_view option, double value,
                    Location where);

}  // namespace ingrad::optim
