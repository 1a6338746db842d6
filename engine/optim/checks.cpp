// SPDX-License-Identifier: Apache-2.0
#include "engine/optim/checks.h"

#include <fmt/format.h>

namespace ingrad::optim {

void check_at_least(std::string_view optimizer, std::string_view option, double value,
                    double minimum, Location where) {
  if (value >= minimum) return;
  throw Error(fmt::format("{}: {} is {}, expected at least {}", optimizer, option, value, minimum),
              where);
}

void check_fraction(std::string_view optimizer, std::string_view option, double value,
                    Location where) {
  if (value >= 0 && value < 1) return;
  throw Error(fmt::format("{}: {} is {}, expected 0 <= {} < 1", optimizer, option, value, option),
              where);
}

}  // namespace ingrad::optim
