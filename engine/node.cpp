// SPDX-License-Identifier: Apache-2.0
#include "engine/node.h"

namespace ingrad {

Node::~Node() {
  // Take over the references of nodes that die with this one, level by level.
  std::vector<std::shared_ptr<Node>> dying;
  const auto take = [&dying](Node& n) {
    for (Edge& e : n.edges) {
      if (e.node) dying.push_back(std::move(e.node));
    }
    for (Tensor& t : n.saved_inputs) {
      if (t.is_tracked()) dying.push_back(t.impl().node);
    }
    n.edges.clear();
    n.saved_inputs.clear();
  };
  take(*this);
  while (!dying.empty()) {
    const std::shared_ptr<Node> n = std::move(dying.back());
    dying.pop_back();
    if (n.use_count() == 1) take(*n);
  }
}

std::shared_ptr<Node> Node::leaf(const Tensor& source, const TrackOptions& options) {
  auto n = std::make_shared<Node>();
  n->save_all = options.save_all;
  if (source.is_tracked()) {
    n->edges.push_back({source.impl().node, source.impl().output});
    n->save_all = n->save_all || source.impl().node->save_all;
  }
  return n;
}

Tensor Node::output(int i) {
  auto impl = std::make_shared<TensorImpl>(saved_outputs[static_cast<std::size_t>(i)].impl());
  impl->node = shared_from_this();
  impl->output = i;
  return Tensor(std::move(impl));
}

Tensor without_data(const Tensor& t) {
  auto impl = std::make_shared<TensorImpl>();
  impl->spec = t.spec();
  return Tensor(std::move(impl));
}

std::vector<Tensor> record(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                           std::span<const Tensor> outputs, VjpRule rule, Location where) {
  auto node = std::make_shared<Node>();
  node->op = &op;
  node->attrs = attrs;
  node->where = where;
  Reads reads;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorImpl& in = inputs[i].impl();
    node->edges.push_back({in.node, in.output});
    if (in.node == nullptr) continue;
    node->save_all = node->save_all || in.node->save_all;
    if (!op.reads.empty()) reads = reads | op.reads[std::min(i, op.reads.size() - 1)];
  }
  // Without a rule of its own the op is differentiated through its expansion, from its inputs.
  if (rule || !op.vjp) reads = {~std::uint64_t{0}, rule ? ~std::uint64_t{0} : 0};
  if (node->save_all) reads = Reads::all();
  const auto keep = [](std::uint64_t mask, std::size_t i) {
    return ((mask >> std::min<std::size_t>(i, 63)) & 1u) != 0;
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    node->saved_inputs.push_back(keep(reads.inputs, i) ? inputs[i] : without_data(inputs[i]));
  }
  std::vector<Tensor> recorded;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    node->saved_outputs.push_back(keep(reads.outputs, i) ? outputs[i] : without_data(outputs[i]));
    auto impl = std::make_shared<TensorImpl>(outputs[i].impl());
    impl->node = node;
    impl->output = static_cast<int>(i);
    recorded.emplace_back(std::move(impl));
  }
  node->rule = std::move(rule);
  return recorded;
}

}  // namespace ingrad
