// SPDX-License-Identifier: Apache-2.0
// Golden ops of ops_loss.
#include "engine/ops/losses.h"

#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

using Json = nlohmann::json;
using Inputs = std::span<const Tensor>;

LossReduction reduction_of(const Json& a) {
  const auto name = a["reduction"].get<std::string>();
  if (name == "none") return LossReduction::none;
  if (name == "sum") return LossReduction::sum;
  return name == "batchmean" ? LossReduction::batch_mean : LossReduction::mean;
}

Tensor third(Inputs in) { return in.size() > 2 ? in[2] : Tensor(); }

// Losses of two tensors and nothing else.
using Pair = Tensor (*)(const Tensor&, const Tensor&, LossReduction, Location);
Call pair(Pair function) {
  return [function](const Json& a, Inputs in) {
    return std::vector{function(in[0], in[1], reduction_of(a), Location::current())};
  };
}

void map_classes(Mappings& to) {
  const Call cross = [](const Json& a, Inputs in) {
    ClassLossOptions o{.weight = third(in), .reduction = reduction_of(a)};
    o.label_smoothing = a["label_smoothing"];
    if (a.contains("ignore_index")) o.ignore_index = a["ignore_index"];
    return std::vector{cross_entropy(in[0], in[1], o)};
  };
  to["cross_entropy"] = {cross};
  to["cross_entropy_soft"] = {cross};
  to["nll_loss"] = {[](const Json& a, Inputs in) {
    ClassLossOptions o{.weight = third(in), .reduction = reduction_of(a)};
    o.ignore_index = a["ignore_index"];
    return std::vector{nll_loss(in[0], in[1], o)};
  }};
  to["multi_margin_loss"] = {[](const Json& a, Inputs in) {
    return std::vector{
        multi_margin_loss(in[0], in[1], a["p"], a["margin"], third(in), reduction_of(a))};
  }};
}

void map_binary(Mappings& to) {
  to["binary_cross_entropy_with_logits"] = {[](const Json& a, Inputs in) {
    Tensor weight, pos_weight;
    for (std::size_t i = 0; i < a["has"].size(); ++i) {
      (a["has"][i] == "weight" ? weight : pos_weight) = in[2 + i];
    }
    return std::vector{
        binary_cross_entropy_with_logits(in[0], in[1], weight, pos_weight, reduction_of(a))};
  }};
  to["binary_cross_entropy"] = {[](const Json& a, Inputs in) {
    return std::vector{binary_cross_entropy(in[0], in[1], third(in), reduction_of(a))};
  }};
  to["soft_margin_loss"] = {pair(soft_margin_loss)};
}

void map_regression(Mappings& to) {
  to["mse_loss"] = {pair(mse_loss)};
  to["l1_loss"] = {pair(l1_loss)};
  to["smooth_l1_loss"] = {[](const Json& a, Inputs in) {
    return std::vector{smooth_l1_loss(in[0], in[1], a["beta"], reduction_of(a))};
  }};
  to["huber_loss"] = {[](const Json& a, Inputs in) {
    return std::vector{huber_loss(in[0], in[1], a["delta"], reduction_of(a))};
  }};
  to["poisson_nll_loss"] = {[](const Json& a, Inputs in) {
    return std::vector{
        poisson_nll_loss(in[0], in[1], a["log_input"], a["full"], a["eps"], reduction_of(a))};
  }};
  to["gaussian_nll_loss"] = {[](const Json& a, Inputs in) {
    return std::vector{
        gaussian_nll_loss(in[0], in[1], in[2], a["full"], a["eps"], reduction_of(a))};
  }};
}

void map_distances(Mappings& to) {
  to["kl_div"] = {[](const Json& a, Inputs in) {
    return std::vector{kl_div(in[0], in[1], reduction_of(a), a["log_target"])};
  }};
  to["cosine_similarity"] = {[](const Json& a, Inputs in) {
    return std::vector{cosine_similarity(in[0], in[1], a["axis"], a["eps"])};
  }};
  to["cosine_embedding_loss"] = {[](const Json& a, Inputs in) {
    return std::vector{cosine_embedding_loss(in[0], in[1], in[2], a["margin"], reduction_of(a))};
  }};
  to["hinge_loss"] = {[](const Json& a, Inputs in) {
    return std::vector{hinge_loss(in[0], in[1], a["margin"], reduction_of(a))};
  }};
  to["hinge_embedding_loss"] = {[](const Json& a, Inputs in) {
    return std::vector{hinge_embedding_loss(in[0], in[1], a["margin"], reduction_of(a))};
  }};
  to["margin_ranking_loss"] = {[](const Json& a, Inputs in) {
    return std::vector{margin_ranking_loss(in[0], in[1], in[2], a["margin"], reduction_of(a))};
  }};
}

}  // namespace

void map_loss(Mappings& to) {
  map_classes(to);
  map_binary(to);
  map_regression(to);
  map_distances(to);
}

}  // namespace ingrad::golden
