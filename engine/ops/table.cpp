// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/suggest.h"

namespace ingrad {
namespace {

OpTable& mutable_table() {
  static OpTable table = [] {
    OpTable t;
    define_structure_ops(t);
    define_shape_ops(t);
    define_slice_ops(t);
    define_concat_ops(t);
    define_index_ops(t);
    define_elementwise_ops(t);
    define_random_ops(t);
    define_sum_ops(t);
    define_product_ops(t);
    define_extremum_ops(t);
    define_scan_ops(t);
    define_softmax_ops(t);
    define_attention_ops(t);
    define_row_norm_ops(t);
    define_channel_norm_ops(t);
    define_matmul_ops(t);
    define_einsum_ops(t);
    define_conv_ops(t);
    define_resample_ops(t);
    define_max_pool_ops(t);
    define_sort_ops(t);
    define_class_loss_ops(t);
    define_binary_loss_ops(t);
    return t;
  }();
  return table;
}

}  // namespace

std::string_view name_of(OpClass c) {
  constexpr std::string_view kNames[] = {"elementwise", "linear", "bilinear", "selection",
                                         "composite"};
  return kNames[static_cast<std::size_t>(c)];
}

std::string_view name_of(BatchBehaviour b) {
  constexpr std::string_view kNames[] = {"per_row", "shared", "mixes_rows"};
  return kNames[static_cast<std::size_t>(b)];
}

const OpDef& OpTable::define(OpDef def) {
  if (find(def.name) != nullptr) throw Error(fmt::format("op \"{}\" is defined twice", def.name));
  const auto require = [&def](bool given, const char* what) {
    if (!given) throw Error(fmt::format("op \"{}\" lacks {}", def.name, what));
  };
  require(!def.name.empty(), "a name");
  require(!def.doc.empty(), "its doc line");
  require(def.infer != nullptr, "a shape rule");
  require(def.eval != nullptr || def.expand != nullptr, "kernels and a definition in other ops");
  require(def.batch != nullptr, "its batch behaviour");
  require(def.samples != nullptr, "samples");
  defs_.push_back(std::make_unique<OpDef>(std::move(def)));
  by_name_.emplace(defs_.back()->name, defs_.back().get());
  return *defs_.back();
}

const OpDef* OpTable::find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

std::vector<const OpDef*> OpTable::all() const {
  std::vector<const OpDef*> out;
  for (const auto& d : defs_) out.push_back(d.get());
  std::sort(out.begin(), out.end(),
            [](const OpDef* a, const OpDef* b) { return a->name < b->name; });
  return out;
}

const OpTable& op_table() { return mutable_table(); }

const OpDef& define_op(OpDef def) { return mutable_table().define(std::move(def)); }

const OpDef& find_op(std::string_view name, Location where) {
  if (const OpDef* op = op_table().find(name)) return *op;
  std::vector<std::string> known;
  for (const OpDef* op : op_table().all()) known.push_back(op->name);
  throw Error(fmt::format("op \"{}\" is unknown{}", name, did_you_mean(name, known)), where);
}

}  // namespace ingrad
