// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/activation.h"

namespace ingrad::kernels::reference {

struct Activated {
  double value, slope;
};
// A smooth activation and its derivative.
Activated activated(Activation f, double x);

}  // namespace ingrad::kernels::reference
