// SPDX-License-Identifier: Apache-2.0
// Quadrature rules on [0, 1]: nodes in ascending order, weights that sum to one.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace ingrad {

enum class QuadratureRule : std::uint8_t {
  left,            // (k-1)/n; exact for constants
  right,           // k/n; exact for constants
  midpoint,        // (k-1/2)/n; exact for degree 1
  trapezoid,       // n >= 2 nodes with both ends; degree 1
  simpson,         // n >= 3, odd; degree 3
  gauss_legendre,  // degree 2n-1
};
std::string_view name_of(QuadratureRule rule);
QuadratureRule quadrature_from_name(std::string_view name, Location where = Location::current());

struct Quadrature {
  std::vector<double> nodes;
  std::vector<double> weights;
};
// Error when the rule does not exist for n.
Quadrature quadrature(QuadratureRule rule, int n, Location where = Location::current());

}  // namespace ingrad
