// SPDX-License-Identifier: Apache-2.0
// Attributions as files and as parts of larger ones: samples that were explained in several calls
// (ExplainOptions::first_sample) give what one call would have given.
#pragma once

#include <span>
#include <string>

#include "attribution/attribution.h"

namespace ingrad {

// NPZ with every field, replaced atomically. Error when the system refuses.
void save_attribution(const std::string& path, const Attribution& a,
                      Location where = Location::current());
// Error when the file is damaged or something else.
Attribution load_attribution(const std::string& path, Location where = Location::current());

// The samples of all parts, in order; times and rows add up. Error when the parts are of different
// methods or shapes, or there are none.
Attribution joined(std::span<const Attribution> parts, Location where = Location::current());

}  // namespace ingrad
