// SPDX-License-Identifier: Apache-2.0
// Reverse mode.
#include <fmt/format.h>

#include <algorithm>

#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/tape.h"

namespace ingrad {
namespace {

// Cotangents of the outputs of each node, summed as they arrive.
class Cotangents {
 public:
  void add(Node* node, int output, const Tensor& value) {
    auto& slots = of_[node];
    const auto i = static_cast<std::size_t>(output);
    if (slots.size() <= i) slots.resize(i + 1);
    slots[i] = slots[i].defined() ? apply1(find_op("add"), {}, {slots[i], value}) : value;
  }
  Tensor at(Node* node, int output) const {
    const auto it = of_.find(node);
    const auto i = static_cast<std::size_t>(output);
    return it == of_.end() || it->second.size() <= i ? Tensor() : it->second[i];
  }
  // All of a node's, one per output; empty if none arrived. The node needs them no more.
  std::vector<Tensor> take(Node* node) {
    const auto it = of_.find(node);
    if (it == of_.end()) return {};
    std::vector<Tensor> slots = std::move(it->second);
    of_.erase(it);
    slots.resize(node->is_leaf() ? 1 : node->saved_outputs.size());
    return slots;
  }

 private:
  std::unordered_map<Node*, std::vector<Tensor>> of_;
};

Tensor zeros_like(const TensorSpec& spec) {
  const DeviceScope scope(spec.device);
  return Tensor::full(spec.shape, 0, spec.dtype);
}

// The rule of an op without one: differentiate its definition.
std::vector<Tensor> vjp_by_expansion(const OpDef& op, const VjpArgs& args) {
  std::vector<Tensor> inputs(args.inputs.begin(), args.inputs.end());
  std::vector<Tensor> wrt;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!args.needs(i)) continue;
    inputs[i] = inputs[i].track();
    wrt.push_back(inputs[i]);
  }
  const std::vector<Tensor> outputs = op.expand(args.attrs, inputs);
  bool record = reaches_beyond(outputs, wrt);
  for (const Tensor& c : args.cotangents) record = record || c.is_tracked();
  std::vector<Tensor> found = gradients(outputs, args.cotangents, wrt, {.create_graph = record});
  std::vector<Tensor> result(inputs.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (args.needs(i)) result[i] = found[next++];
  }
  return result;
}

std::vector<Tensor> vjp_of(Node& node, const VjpArgs& args, const Rules* rules) {
  const DeviceScope scope(args.outputs[0].device());
  if (rules != nullptr) {
    if (const VjpRule* rule = rules->find(*node.op)) return (*rule)(args);
  }
  if (node.rule) return node.rule(args);
  if (node.op->vjp) return node.op->vjp(args);
  return vjp_by_expansion(*node.op, args);
}

void check_cotangents(std::span<const Tensor> outputs, std::span<const Tensor> cotangents,
                      Location where) {
  if (outputs.size() != cotangents.size()) {
    throw Error(fmt::format("gradients: {} cotangents for {} outputs", cotangents.size(),
                            outputs.size()),
                where);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!cotangents[i].defined()) continue;
    if (cotangents[i].shape() != outputs[i].shape() ||
        cotangents[i].dtype() != outputs[i].dtype()) {
      throw Error(fmt::format("gradients: cotangent {} is {}, its output {}", i,
                              cotangents[i].spec().str(), outputs[i].spec().str()),
                  where);
    }
  }
}

}  // namespace

Rules& Rules::set(std::string_view op, VjpRule rule, Location where) {
  rules_[&find_op(op, where)] = std::move(rule);
  return *this;
}

const VjpRule* Rules::find(const OpDef& op) const {
  const auto it = rules_.find(&op);
  return it == rules_.end() ? nullptr : &it->second;
}

std::vector<Tensor> gradients(std::span<const Tensor> outputs, std::span<const Tensor> cotangents,
                              std::span<const Tensor> wrt, const GradOptions& options,
                              Location where) {
  check_cotangents(outputs, cotangents, where);
  std::unordered_map<const Node*, std::vector<std::size_t>> targets;
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (!wrt[i].is_tracked()) {
      throw Error(fmt::format("gradients: tensor {} to differentiate with respect to is not "
                              "tracked; call track() before computing with it",
                              i),
                  where);
    }
    targets[wrt[i].impl().node.get()].push_back(i);
  }

  const std::vector<Node*> order = topological_order(outputs);
  // Nodes through which a target is reached: all others receive nothing.
  std::unordered_set<const Node*> relevant;
  for (const Node* n : order) {
    const bool leads = std::any_of(n->edges.begin(), n->edges.end(), [&](const Edge& e) {
      return e.node && relevant.count(e.node.get()) != 0;
    });
    if (leads || targets.count(n) != 0) relevant.insert(n);
  }

  Cotangents pending;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!cotangents[i].defined() || !outputs[i].is_tracked()) continue;
    Node* n = outputs[i].impl().node.get();
    if (relevant.count(n) != 0) pending.add(n, outputs[i].impl().output, cotangents[i]);
  }

  std::vector<Tensor> result(wrt.size());
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    Node& node = **it;
    if (relevant.count(&node) == 0) continue;
    if (const auto t = targets.find(&node); t != targets.end()) {
      for (const std::size_t i : t->second) result[i] = pending.at(&node, wrt[i].impl().output);
    }
    const std::vector<Tensor> arrived = pending.take(&node);
    if (arrived.empty()) continue;
    std::vector<char> needed;
    for (const Edge& e : node.edges) {
      needed.push_back(e.node && relevant.count(e.node.get()) != 0 ? 1 : 0);
    }
    if (std::find(needed.begin(), needed.end(), 1) == needed.end()) continue;
    std::vector<Tensor> sent;
    if (node.is_leaf()) {
      sent = arrived;
    } else {
      const std::vector<Tensor> in = visible_inputs(node, options.create_graph);
      const std::vector<Tensor> out = visible_outputs(node, options.create_graph);
      sent = vjp_of(node, {node.attrs, in, out, arrived, needed}, options.rules);
      if (sent.size() != node.edges.size()) {
        throw Error(fmt::format("{}: its derivative rule returned {} cotangents for {} inputs",
                                node.op->name, sent.size(), node.edges.size()),
                    node.where);
      }
    }
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (needed[i] == 0 || !sent[i].defined()) continue;
      if (!node.is_leaf() && (sent[i].shape() != node.saved_inputs[i].shape() ||
                              sent[i].dtype() != node.saved_inputs[i].dtype())) {
        throw Error(fmt::format("{}: its derivative rule returned {} for input {}, which is {}",
                                node.op->name, sent[i].spec().str(), i,
                                node.saved_inputs[i].spec().str()),
                    node.where);
      }
      pending.add(node.edges[i].node.get(), node.edges[i].output, sent[i]);
    }
  }
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (!result[i].defined()) result[i] = zeros_like(wrt[i].spec());
  }
  return result;
}

Tensor gradient(const Tensor& output, const Tensor& wrt, const GradOptions& options,
                Location where) {
  if (output.size() != 1) {
    throw Error(fmt::format("gradient: the output has shape {}, expected one element",
                            output.shape().str()),
                where);
  }
  const DeviceScope scope(output.device(), where);
  const Tensor one = Tensor::full(output.shape(), 1, output.dtype());
  return gradients({&output, 1}, {&one, 1}, {&wrt, 1}, options, where).front();
}

}  // namespace ingrad
