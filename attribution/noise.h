// SPDX-License-Identifier: Apache-2.0
// Noisy copies of samples. Draw d of a sample depends on its number and the seed alone.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "engine/random.h"

namespace ingrad {

struct NoiseOptions {
  // Standard deviation: absolute, or relative to the range (max - min) of the sample.
  double sigma = 0.15;
  bool relative_sigma = true;
  // Values outside are set to the bound.
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

// Error, in the name of a method, unless 0 <= sigma < infinity and low <= high.
void check_noise(std::string_view method, const NoiseOptions& noise, Location where);

// Of SmoothGrad and of every method under noise: the same draws, so that they can be compared.
inline constexpr std::uint64_t kNoiseStream = 0x736d6f6f7468;  // "smooth"

// x + sigma z, z standard normal, within the bounds.
void add_noise(std::span<const float> x, const NoiseOptions& noise, const RandomKey& key,
               std::span<float> to);

}  // namespace ingrad
