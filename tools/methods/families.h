// SPDX-License-Identifier: Apache-2.0
// The families of explainers, each in a file of its own; a new one is declared here and listed in
// methods.cpp.
#pragma once

#include <vector>

#include "tools/methods/methods.h"

namespace ingrad::tools {

std::vector<Method> gradient_methods();
std::vector<Method> map_methods();
std::vector<Method> path_methods();
std::vector<Method> perturbation_methods();
std::vector<Method> rule_methods();

}  // namespace ingrad::tools
