// SPDX-License-Identifier: Apache-2.0
// The proof that a program keeps rows apart.
#pragma once

#include "engine/program.h"

namespace ingrad {

// Error, naming the op that prevents it, unless row i of every output depends on row i of the
// inputs alone. `a` and `b` are the same function traced for two numbers of rows, without dead
// code: what differs between them is what depends on that number. Allowed to differ is the extent
// of axis 0 and nothing else: no other extent, no number, no value of a constant. A reshape may make
// several rows of each, and one of several.
void require_separable(const Program& a, const Program& b, Location where);

}  // namespace ingrad
