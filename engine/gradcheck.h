// SPDX-License-Identifier: Apache-2.0
// Checking derivatives against central differences in f64.
#pragma once

#include <string>

#include "engine/differentiate.h"

namespace ingrad {

struct GradcheckOptions {
  double step = 1e-5;
  // |analytic - numeric| <= tolerance * max(1, |numeric|) for every element.
  double tolerance = 1e-6;
  bool second_order = false;  // also differentiate the gradient
  bool forward_mode = true;   // also compare J v with the differences and <J v, u> with <v, u^T J>
  std::uint64_t seed = 1;     // of the random directions
  // At most this many elements per input get a difference of their own, spread evenly; the forward
  // mode check covers all of them together. 0: every element.
  std::int64_t max_elements = 0;
};
struct GradcheckResult {
  bool ok = true;
  double worst = 0;      // largest error in units of the tolerance
  std::string message;   // the first failure: which input, element, both values
};

// Checks the derivatives of f with respect to every f64 input. Error when an input that is
// floating is not f64.
GradcheckResult gradcheck(const MultiFn& f, std::span<const Tensor> inputs,
                          const GradcheckOptions& options = {},
                          Location where = Location::current());

}  // namespace ingrad
