// SPDX-License-Identifier: Apache-2.0
#include "engine/tape.h"

#include <algorithm>

namespace ingrad {

std::vector<Node*> topological_order(std::span<const Tensor> outputs) {
  std::vector<Node*> order;
  std::unordered_set<const Node*> seen;
  struct Visit {
    Node* node;
    std::size_t next_edge;
  };
  std::vector<Visit> stack;
  for (const Tensor& t : outputs) {
    if (!t.is_tracked() || !seen.insert(t.impl().node.get()).second) continue;
    stack.push_back({t.impl().node.get(), 0});
    while (!stack.empty()) {
      Visit& v = stack.back();
      if (v.next_edge == v.node->edges.size()) {
        order.push_back(v.node);
        stack.pop_back();
        continue;
      }
      Node* input = v.node->edges[v.next_edge++].node.get();
      if (input != nullptr && seen.insert(input).second) stack.push_back({input, 0});
    }
  }
  return order;
}

bool reaches_beyond(std::span<const Tensor> outputs, std::span<const Tensor> leaves) {
  std::unordered_set<const Node*> own;
  for (const Tensor& t : leaves) own.insert(t.impl().node.get());
  for (const Node* n : topological_order(outputs)) {
    if (n->is_leaf() && (own.count(n) == 0 || !n->edges.empty())) return true;
  }
  return false;
}

std::vector<Tensor> visible_inputs(Node& node, bool create_graph) {
  std::vector<Tensor> inputs = node.saved_inputs;
  if (!create_graph) {
    for (Tensor& t : inputs) t = t.detach();
  }
  return inputs;
}

std::vector<Tensor> visible_outputs(Node& node, bool create_graph) {
  if (!create_graph) return node.saved_outputs;
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < node.saved_outputs.size(); ++i) {
    outputs.push_back(node.output(static_cast<int>(i)));
  }
  return outputs;
}

}  // namespace ingrad
