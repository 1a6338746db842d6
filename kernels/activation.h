// SPDX-License-Identifier: Apache-2.0
// Scalar functions that end a product.
#pragma once

#include <cstdint>

namespace ingrad::kernels {

enum class Activation : std::uint8_t { none, relu, gelu, gelu_tanh, silu, sigmoid, tanh };

// Those whose gradient takes more than a bit per element.
constexpr bool is_smooth(Activation f) { return f > Activation::relu; }

}  // namespace ingrad::kernels
