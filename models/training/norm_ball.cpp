// SPDX-License-Identifier: Apache-2.0
#include "models/training/norm_ball.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace ingrad {
namespace {

// All magnitudes get smaller by the same amount, down to zero.
void shrink_to_l1(double radius, std::span<double> v) {
  std::vector<double> sizes(v.size());
  std::ranges::transform(v, sizes.begin(), [](double e) { return std::abs(e); });
  std::ranges::sort(sizes, std::greater{});
  double sum = 0, amount = 0;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    sum += sizes[k];
    const double t = (sum - radius) / static_cast<double>(k + 1);
    if (t > sizes[k]) break;
    amount = t;
  }
  for (double& e : v) e = std::copysign(std::max(std::abs(e) - amount, 0.0), e);
}

}  // namespace

double norm_of(AttackNorm norm, std::span<const double> v) {
  double total = 0;
  for (const double e : v) {
    if (norm == AttackNorm::linf) {
      total = std::max(total, std::abs(e));
    } else {
      total += norm == AttackNorm::l2 ? e * e : std::abs(e);
    }
  }
  return norm == AttackNorm::l2 ? std::sqrt(total) : total;
}

void project_onto_ball(AttackNorm norm, double radius, std::span<double> v) {
  if (norm == AttackNorm::linf) {
    for (double& e : v) e = std::clamp(e, -radius, radius);
    return;
  }
  const double length = norm_of(norm, v);
  if (length <= radius) return;
  if (norm == AttackNorm::l1) return shrink_to_l1(radius, v);
  for (double& e : v) e *= radius / length;
}

}  // namespace ingrad
