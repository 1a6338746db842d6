// SPDX-License-Identifier: Apache-2.0
#include "models/model_spec.h"

#include <fmt/format.h>

namespace ingrad {

void check_image_model(std::string_view model, const Shape& input, std::int64_t outputs,
                       std::int64_t smallest, Location where) {
  if (input.rank() != 3 || input[0] < 1 || input[1] < smallest || input[2] < smallest) {
    throw Error(fmt::format("{}: input {}; expected [channels, height, width] of at least {} x {} "
                            "points",
                            model, input.str(), smallest, smallest),
                where);
  }
  if (outputs < 1) throw Error(fmt::format("{}: {} outputs", model, outputs), where);
}

}  // namespace ingrad
