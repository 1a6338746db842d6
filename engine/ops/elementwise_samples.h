// SPDX-License-Identifier: Apache-2.0
// What the list of formulas does not say about a function: names of parameters, a doc line, and a
// domain away from kinks and poles for samples.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/op.h"
#include "kernels/elementwise.h"

namespace ingrad {

const char* parameter_name(std::string_view function, int index);
std::string elementwise_doc(std::string_view function);
std::vector<Sample> elementwise_samples(const kernels::ElementwiseInfo& function);
// Of the ops "<function>.d<i>": a cotangent before the function's inputs.
std::vector<Sample> derivative_samples(const kernels::ElementwiseInfo& function);

}  // namespace ingrad
