// SPDX-License-Identifier: Apache-2.0
// How the steps of a training run are computed.
#pragma once

#include <cstdint>
#include <string_view>

namespace ingrad {

enum class Execution : std::uint8_t {
  plan,        // by plans, with passes that round differently (Winograd's method)
  exact_plan,  // by plans, with the bits of op_by_op but for the sign of gradients that are zero
  op_by_op,
};
constexpr std::string_view name_of(Execution execution) {
  constexpr std::string_view kNames[] = {"plan", "exact_plan", "op_by_op"};
  return kNames[static_cast<std::size_t>(execution)];
}

}  // namespace ingrad
