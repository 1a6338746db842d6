// SPDX-License-Identifier: Apache-2.0
#include "attribution/perturbation/game_values.h"

#include <bit>
#include <cstddef>

namespace ingrad {

std::vector<double> shapley_values(const std::vector<double>& v) {
  const auto players = static_cast<std::size_t>(std::countr_zero(v.size()));
  // s! (M - s - 1)! / M! for coalitions of s players without the one at hand.
  std::vector<double> weight(players);
  double binomial = 1;  // of M - 1 over s
  for (std::size_t s = 0; s < players; ++s) {
    weight[s] = 1 / (static_cast<double>(players) * binomial);
    binomial *= static_cast<double>(players - 1 - s) / static_cast<double>(s + 1);
  }
  std::vector<double> phi(players);
  for (std::size_t bits = 0; bits < v.size(); ++bits) {
    const auto size = static_cast<std::size_t>(std::popcount(bits));
    for (std::size_t p = 0; p < players; ++p) {
      const std::size_t bit = std::size_t{1} << p;
      if ((bits & bit) == 0) phi[p] += weight[size] * (v[bits | bit] - v[bits]);
    }
  }
  return phi;
}

}  // namespace ingrad
