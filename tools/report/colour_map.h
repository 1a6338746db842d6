// SPDX-License-Identifier: Apache-2.0
// The colours of signed values: blue, white, red.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace ingrad::tools {

using Rgb = std::array<std::uint8_t, 3>;

// -1 is blue, 0 white, +1 red; values beyond are clamped, NaN is grey. Made in Oklab (Ottosson
// 2020): lightness falls equally and evenly on both sides, so that equal magnitudes look equally
// strong in either sign, also to colour-blind readers and in grey print.
Rgb diverging_colour(double value);

// A CSS gradient of the map from left (-1) to right (+1), for legends.
std::string diverging_css();

}  // namespace ingrad::tools
