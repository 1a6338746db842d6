// SPDX-License-Identifier: Apache-2.0
#include "attribution/noise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ingrad {

void check_noise(std::string_view method, const NoiseOptions& noise, Location where) {
  if (!(noise.sigma >= 0 && std::isfinite(noise.sigma)) || !(noise.low <= noise.high)) {
    throw Error(fmt::format("{}: noise of sigma {} within [{}, {}]; expected a finite sigma of at "
                            "least 0 and bounds in order",
                            method, noise.sigma, noise.low, noise.high),
                where);
  }
}

void add_noise(std::span<const float> x, const NoiseOptions& noise, const RandomKey& key,
               std::span<float> to) {
  double sigma = noise.sigma;
  if (noise.relative_sigma) {
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    sigma *= static_cast<double>(*high) - static_cast<double>(*low);
  }
  const Tensor normal = random_normal({1, static_cast<std::int64_t>(x.size())}, key);
  const float* const z = normal.data<float>();
  const auto scale = static_cast<float>(sigma);
  const auto low = static_cast<float>(noise.low), high = static_cast<float>(noise.high);
  for (std::size_t i = 0; i < x.size(); ++i) {
    to[i] = std::clamp(x[i] + scale * z[i], low, high);
  }
}

}  // namespace ingrad
