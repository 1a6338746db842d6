// SPDX-License-Identifier: Apache-2.0
// The record of one executed op: what is needed to differentiate through it, and nothing else.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/op.h"

namespace ingrad {

struct Edge {
  std::shared_ptr<Node> node;  // null: the input was not recorded
  int output = 0;
};

// A derivative rule given with the call (custom, checkpoint) instead of with the op.
using VjpRule = std::function<std::vector<Tensor>(const VjpArgs&)>;

struct Node : std::enable_shared_from_this<Node> {
  const OpDef* op = nullptr;  // null for leaves
  Attrs attrs;
  std::vector<Edge> edges;            // one per input
  std::vector<Tensor> saved_inputs;   // without data where no rule reads them
  std::vector<Tensor> saved_outputs;  // not recorded (this node would own itself)
  VjpRule rule;                       // overrides op->vjp when set
  bool save_all = false;
  Location where;

  Node() = default;
  ~Node();  // iterative: chains may be longer than the stack is deep
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  bool is_leaf() const { return op == nullptr; }
  // A leaf over `source`, connected to it if it is recorded.
  static std::shared_ptr<Node> leaf(const Tensor& source, const TrackOptions& options);
  // Saved output i as a value recorded by this node.
  Tensor output(int i);
};

// Records one call and returns the outputs attached to it.
std::vector<Tensor> record(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                           std::span<const Tensor> outputs, VjpRule rule, Location where);

// A handle with the spec of `t` and nothing else.
Tensor without_data(const Tensor& t);

}  // namespace ingrad
