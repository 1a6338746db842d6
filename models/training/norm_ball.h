// SPDX-License-Identifier: Apache-2.0
// The balls that attacks stay in.
#pragma once

#include <cstdint>
#include <span>

namespace ingrad {

enum class AttackNorm : std::uint8_t { linf, l2, l1 };

double norm_of(AttackNorm norm, std::span<const double> v);

// To the nearest point of the ball around zero (L1: Duchi et al. 2008). The result is in it to the
// rounding of doubles.
void project_onto_ball(AttackNorm norm, double radius, std::span<double> v);

}  // namespace ingrad
