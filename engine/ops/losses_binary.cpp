// SPDX-License-Identifier: Apache-2.0
// Binary cross entropy, from logits and from probabilities.
#include <fmt/format.h>

#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loss_reduction.h"
#include "engine/ops/reduction.h"
#include "engine/ops/table.h"

namespace ingrad {
namespace {

// max(log p, -100), with derivative 0 where p is 0.
Tensor clamped_log(const Tensor& p) {
  const Tensor positive = gt(p, 0.0);
  return where(positive, clamp(log(where(positive, p, 1.0)), -100), -100.0);
}

// The op rather than a formula: its gradient has a bounded divisor, which no definition in basic
// ops gives.
void define_binary(OpTable& table) {
  table.define({
      .name = "binary_cross_entropy",
      .cls = OpClass::composite,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = "-(t log p + (1 - t) log(1 - p)) per element, logarithms at least -100.",
      .infer =
          [](const Attrs&, std::span<const TensorSpec> in, Location where) {
            require_same("binary_cross_entropy", in[0], in[1], where);
            return std::vector<TensorSpec>{in[0]};
          },
      .expand =
          [](const Attrs&, std::span<const Tensor> in) {
            const Tensor &p = in[0], &t = in[1];
            return std::vector<Tensor>{-(t * clamped_log(p) + (1.0 - t) * clamped_log(1.0 - p))};
          },
      .vjp =
          [](const VjpArgs& a) {
            const Tensor &p = a.inputs[0], &t = a.inputs[1], &g = a.cotangents[0];
            std::vector<Tensor> out(2);
            if (a.needs(0)) out[0] = g * (p - t) / maximum(p * (1.0 - p), 1e-12);
            if (a.needs(1)) out[1] = g * (clamped_log(1.0 - p) - clamped_log(p));
            return out;
          },
      .reads = {Reads::input(0) | Reads::input(1), Reads::input(0)},
      .batch = rows_stay_apart,
      .samples =
          [] {
            const auto probabilities = [](const Shape& shape, std::uint64_t seed) {
              return sample_values(shape, seed) * 0.2 + 0.5;
            };
            return std::vector<Sample>{
                {{}, {probabilities(Shape{3, 5}, 1), probabilities(Shape{3, 5}, 2)}},
                {{}, {probabilities(Shape{37}, 3), probabilities(Shape{37}, 4)}},
                {{}, {probabilities(Shape{0, 2}, 1), probabilities(Shape{0, 2}, 2)}}};
          },
  });
}

void check_weight(std::string_view op, const char* role, const Tensor& weight, const Tensor& x,
                  Location where) {
  if (broadcast_shapes(op, weight.shape(), x.shape(), where) == x.shape() &&
      weight.dtype() == x.dtype()) {
    return;
  }
  throw Error(fmt::format("{}: {} is {}; expected {} and to broadcast to {}", op, role,
                          weight.spec().str(), name_of(x.dtype()), x.shape().str()),
              where);
}

}  // namespace

void define_binary_loss_ops(OpTable& table) { define_binary(table); }

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        const Tensor& weight, const Tensor& pos_weight,
                                        LossReduction reduction, Location where) {
  constexpr std::string_view kOp = "binary_cross_entropy_with_logits";
  require_pair(kOp, logits, target, where);
  // log(1 - sigmoid(x)) = log_sigmoid(x) - x, so the factors of log_sigmoid(x) join.
  Tensor factor;
  if (pos_weight.defined()) {
    check_weight(kOp, "pos_weight", pos_weight, logits, where);
    factor = (pos_weight - 1.0) * target + 1.0;
  }
  const Tensor log_p = log_sigmoid(logits, where);
  const Tensor weighted = factor.defined() ? factor * log_p : log_p;
  Tensor loss = (1.0 - target) * logits - weighted;
  if (weight.defined()) {
    check_weight(kOp, "weight", weight, logits, where);
    loss = loss * weight;
  }
  return reduce_loss(kOp, loss, reduction, where);
}

Tensor binary_cross_entropy(const Tensor& probabilities, const Tensor& target,
                            const Tensor& weight, LossReduction reduction, Location where) {
  constexpr std::string_view kOp = "binary_cross_entropy";
  Tensor loss = apply1(find_op(kOp), {}, {probabilities, target}, where);
  if (weight.defined()) {
    check_weight(kOp, "weight", weight, probabilities, where);
    loss = loss * weight;
  }
  return reduce_loss(kOp, loss, reduction, where);
}

}  // namespace ingrad
