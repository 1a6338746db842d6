// SPDX-License-Identifier: Apache-2.0
// Walking recorded computations.
#pragma once

#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/node.h"

namespace ingrad {

// Every node behind the outputs; inputs come before the nodes that use them.
std::vector<Node*> topological_order(std::span<const Tensor> outputs);

// Does the computation depend on a tracked value other than through `leaves`?
bool reaches_beyond(std::span<const Tensor> outputs, std::span<const Tensor> leaves);

// The inputs and outputs of a node as its rule sees them: recorded if a derivative of the rule's
// result will be wanted, plain otherwise.
std::vector<Tensor> visible_inputs(Node& node, bool create_graph);
std::vector<Tensor> visible_outputs(Node& node, bool create_graph);

}  // namespace ingrad
