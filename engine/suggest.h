// SPDX-License-Identifier: Apache-2.0
// What somebody who misspelled a name probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ingrad {

// "; did you mean \"conv2d\"?": the known name with the fewest edits (the first of several), or
// nothing if that is more than three edits or half of the name away.
std::string did_you_mean(std::string_view name, std::span<const std::string> known);

}  // namespace ingrad
