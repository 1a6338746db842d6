// SPDX-License-Identifier: Apache-2.0
// Forward mode.
#include <fmt/format.h>

#include <map>

#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/tape.h"

namespace ingrad {
namespace {

using Key = std::pair<const Node*, int>;

bool any_defined(std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors) {
    if (t.defined()) return true;
  }
  return false;
}

// A linear op applied to the tangents; undefined ones are zero, integers keep their values.
std::vector<Tensor> jvp_linear(const OpDef& op, const JvpArgs& a) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < a.inputs.size(); ++i) {
    const TensorSpec& s = a.inputs[i].spec();
    if (!is_floating(s.dtype)) {
      inputs.push_back(a.inputs[i]);
    } else {
      inputs.push_back(a.tangents[i].defined() ? a.tangents[i]
                                               : Tensor::full(s.shape, 0, s.dtype));
    }
  }
  return apply(op, a.attrs, inputs);
}

// The sum over the inputs of the op with one input replaced by its tangent.
std::vector<Tensor> jvp_bilinear(const OpDef& op, const JvpArgs& a) {
  std::vector<Tensor> sum(a.outputs.size());
  for (std::size_t i = 0; i < a.inputs.size(); ++i) {
    if (!a.tangents[i].defined()) continue;
    std::vector<Tensor> inputs(a.inputs.begin(), a.inputs.end());
    inputs[i] = a.tangents[i];
    const std::vector<Tensor> part = apply(op, a.attrs, inputs);
    for (std::size_t k = 0; k < sum.size(); ++k) {
      sum[k] = sum[k].defined() ? apply1(find_op("add"), {}, {sum[k], part[k]}) : part[k];
    }
  }
  return sum;
}

// The definition of a composite op, in forward mode.
std::vector<Tensor> jvp_by_expansion(const OpDef& op, const JvpArgs& a) {
  std::vector<Tensor> inputs(a.inputs.begin(), a.inputs.end());
  std::vector<Tensor> wrt, tangents;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!a.tangents[i].defined()) continue;
    inputs[i] = inputs[i].track({.save_all = true});
    wrt.push_back(inputs[i]);
    tangents.push_back(a.tangents[i]);
  }
  const std::vector<Tensor> outputs = op.expand(a.attrs, inputs);
  bool record = reaches_beyond(outputs, wrt);
  for (const Tensor& t : tangents) record = record || t.is_tracked();
  return pushforward(outputs, wrt, tangents, record);
}

// J v from the backward rule alone: u -> u^T J is linear in u, and its transpose is v -> J v.
std::vector<Tensor> jvp_by_transposing(Node& node, const JvpArgs& a) {
  std::vector<Tensor> probes;
  for (const Tensor& o : a.outputs) {
    probes.push_back(Tensor::full(o.shape(), 0, o.dtype()).track());
  }
  std::vector<char> needed;
  for (const Tensor& t : a.tangents) needed.push_back(t.defined() ? 1 : 0);
  const VjpArgs args{a.attrs, a.inputs, a.outputs, probes, needed};
  const std::vector<Tensor> backward = node.rule ? node.rule(args) : node.op->vjp(args);
  std::vector<Tensor> from, directions;
  for (std::size_t i = 0; i < backward.size(); ++i) {
    if (!a.tangents[i].defined() || !backward[i].defined()) continue;
    from.push_back(backward[i]);
    directions.push_back(a.tangents[i]);
  }
  bool record = false;
  for (const Tensor& t : a.inputs) record = record || t.is_tracked();
  for (const Tensor& t : directions) record = record || t.is_tracked();
  return gradients(from, directions, probes, {.create_graph = record});
}

std::vector<Tensor> jvp_of(Node& node, const JvpArgs& a) {
  const DeviceScope scope(a.outputs[0].device());
  const OpDef& op = *node.op;
  if (node.rule) return jvp_by_transposing(node, a);
  if (op.jvp) return op.jvp(a);
  if (op.cls == OpClass::linear) return jvp_linear(op, a);
  if (op.cls == OpClass::bilinear) return jvp_bilinear(op, a);
  if (op.expand) return jvp_by_expansion(op, a);
  return jvp_by_transposing(node, a);
}

}  // namespace

std::vector<Tensor> pushforward(std::span<const Tensor> outputs, std::span<const Tensor> wrt,
                                std::span<const Tensor> tangents, bool create_graph,
                                Location where) {
  if (wrt.size() != tangents.size()) {
    throw Error(fmt::format("pushforward: {} tangents for {} tensors", tangents.size(),
                            wrt.size()),
                where);
  }
  std::map<Key, Tensor> known;
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (!wrt[i].is_tracked()) {
      throw Error(fmt::format("pushforward: tensor {} is not tracked", i), where);
    }
    if (!tangents[i].defined()) continue;
    if (tangents[i].shape() != wrt[i].shape() || tangents[i].dtype() != wrt[i].dtype()) {
      throw Error(fmt::format("pushforward: tangent {} is {}, its tensor {}", i,
                              tangents[i].spec().str(), wrt[i].spec().str()),
                  where);
    }
    known[{wrt[i].impl().node.get(), wrt[i].impl().output}] = tangents[i];
  }
  for (Node* node : topological_order(outputs)) {
    std::vector<Tensor> arrived;
    for (const Edge& e : node->edges) {
      const auto it = known.find({e.node.get(), e.output});
      arrived.push_back(it == known.end() ? Tensor() : it->second);
    }
    if (!any_defined(arrived)) continue;
    if (node->is_leaf()) {
      known.emplace(Key{node, 0}, arrived[0]);  // unless the leaf is itself a point of `wrt`
      continue;
    }
    if (!node->save_all) {
      throw Error(fmt::format("pushforward: {} did not keep its inputs; track the leaves with "
                              "save_all",
                              node->op->name),
                  where);
    }
    const std::vector<Tensor> in = visible_inputs(*node, create_graph);
    const std::vector<Tensor> out = visible_outputs(*node, create_graph);
    const std::vector<Tensor> sent = jvp_of(*node, {node->attrs, in, out, arrived});
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (sent[i].defined()) known.emplace(Key{node, static_cast<int>(i)}, sent[i]);
    }
  }
  std::vector<Tensor> result;
  for (const Tensor& t : outputs) {
    const auto it = t.is_tracked() ? known.find({t.impl().node.get(), t.impl().output})
                                   : known.end();
    result.push_back(it == known.end() ? Tensor() : it->second);
  }
  return result;
}

}  // namespace ingrad
