// SPDX-License-Identifier: Apache-2.0
// Losses that are short formulas in other ops: regression, distributions, similarity, margins.
#include "engine/ops/losses.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "engine/ops/elementwise.h"
#include "engine/ops/loss_reduction.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shape.h"

namespace ingrad {

// In functions with a parameter `where`, the op of that name.
namespace {
Tensor choose(const Tensor& condition, const Arg& a, const Arg& b, Location at) {
  return where(condition, a, b, at);
}

void require_parameter(std::string_view op, bool good, std::string_view what, double value,
                       Location at) {
  if (!good) throw Error(fmt::format("{}: {} is {}", op, what, value), at);
}
}  // namespace

Tensor reduce_loss(std::string_view op, const Tensor& losses, LossReduction reduction,
                   Location where) {
  switch (reduction) {
    case LossReduction::none: return losses;
    case LossReduction::mean: return mean(losses, {}, false, where);
    case LossReduction::sum: return sum(losses, {}, false, where);
    case LossReduction::batch_mean: break;
  }
  throw Error(fmt::format("{}: the reduction batch_mean belongs to kl_div", op), where);
}

void require_pair(std::string_view op, const Tensor& a, const Tensor& b, Location where) {
  require_same(op, a.spec(), b.spec(), where);
}

Tensor signs_like(std::string_view op, const Tensor& signs, const Tensor& x, Location where) {
  if (signs.shape() != x.shape()) {
    throw Error(fmt::format("{}: signs are {}; expected the shape of {}", op, signs.spec().str(),
                            x.spec().str()),
                where);
  }
  return cast(signs, x.dtype(), where);
}

// ---- regression -------------------------------------------------------------------------------
Tensor mse_loss(const Tensor& prediction, const Tensor& target, LossReduction reduction,
                Location where) {
  require_pair("mse_loss", prediction, target, where);
  return reduce_loss("mse_loss", square(sub(prediction, target, where), where), reduction, where);
}

Tensor l1_loss(const Tensor& prediction, const Tensor& target, LossReduction reduction,
               Location where) {
  require_pair("l1_loss", prediction, target, where);
  return reduce_loss("l1_loss", abs(sub(prediction, target, where), where), reduction, where);
}

Tensor smooth_l1_loss(const Tensor& prediction, const Tensor& target, double beta,
                      LossReduction reduction, Location where) {
  constexpr std::string_view kOp = "smooth_l1_loss";
  require_pair(kOp, prediction, target, where);
  require_parameter(kOp, beta >= 0, "beta", beta, where);
  const Tensor d = abs(sub(prediction, target, where), where);
  if (beta == 0) return reduce_loss(kOp, d, reduction, where);
  const Tensor loss = choose(lt(d, beta, where), d * d * (0.5 / beta), d - 0.5 * beta, where);
  return reduce_loss(kOp, loss, reduction, where);
}

Tensor huber_loss(const Tensor& prediction, const Tensor& target, double delta,
                  LossReduction reduction, Location where) {
  constexpr std::string_view kOp = "huber_loss";
  require_pair(kOp, prediction, target, where);
  require_parameter(kOp, delta > 0, "delta", delta, where);
  const Tensor d = abs(sub(prediction, target, where), where);
  const Tensor loss =
      choose(le(d, delta, where), d * d * 0.5, (d - 0.5 * delta) * delta, where);
  return reduce_loss(kOp, loss, reduction, where);
}

Tensor poisson_nll_loss(const Tensor& prediction, const Tensor& target, bool log_input, bool full,
                        double epsilon, LossReduction reduction, Location where) {
  constexpr std::string_view kOp = "poisson_nll_loss";
  require_pair(kOp, prediction, target, where);
  const Tensor &x = prediction, &t = target;
  Tensor loss = log_input ? exp(x, where) - t * x : x - t * log(x + epsilon, where);
  if (full) {
    const Tensor large = gt(t, 1.0, where);
    const Tensor safe = choose(large, t, 1.0, where);
    const Tensor stirling =
        safe * log(safe, where) - safe + log(safe * (2 * std::numbers::pi), where) * 0.5;
    loss = loss + choose(large, stirling, 0.0, where);
  }
  return reduce_loss(kOp, loss, reduction, where);
}

Tensor gaussian_nll_loss(const Tensor& prediction, const Tensor& target, const Tensor& variance,
                         bool full, double epsilon, LossReduction reduction, Location where) {
  constexpr std::string_view kOp = "gaussian_nll_loss";
  require_pair(kOp, prediction, target, where);
  const Shape common = broadcast_shapes(kOp, prediction.shape(), variance.shape(), where);
  if (common != prediction.shape()) {
    throw Error(fmt::format("{}: variance is {}; expected to broadcast to {}", kOp,
                            variance.spec().str(), prediction.spec().str()),
                where);
  }
  const Tensor plain = variance.detach();
  const Tensor v = variance + (maximum(plain, epsilon, where) - plain);
  Tensor loss = (log(v, where) + square(prediction - target, where) / v) * 0.5;
  if (full) loss = loss + 0.5 * std::log(2 * std::numbers::pi);
  return reduce_loss(kOp, loss, reduction, where);
}

// ---- distributions and similarity ---------------------------------------------------------------
Tensor kl_div(const Tensor& x, const Tensor& target, LossReduction reduction, bool log_target,
              Location where) {
  require_pair("kl_div", x, target, where);
  Tensor loss;
  if (log_target) {
    loss = exp(target, where) * (target - x);
  } else {
    const Tensor zero = eq(target, 0.0, where);
    const Tensor entropy = target * log(choose(zero, 1.0, target, where), where);
    loss = entropy - target * x;
  }
  if (reduction != LossReduction::batch_mean) return reduce_loss("kl_div", loss, reduction, where);
  if (x.rank() == 0) throw Error("kl_div: batch_mean of a tensor without rows", where);
  return sum(loss, {}, false, where) / static_cast<double>(x.shape()[0]);
}

Tensor cosine_similarity(const Tensor& a, const Tensor& b, std::int64_t axis, double epsilon,
                         Location where) {
  const Shape common = broadcast_shapes("cosine_similarity", a.shape(), b.shape(), where);
  const std::int64_t along = normalize_axis("cosine_similarity", axis, common.rank(), where);
  const auto unit = [&](const Tensor& t) {
    const Tensor x = expand(t, common, where);
    return div(x, maximum(norm(x, 2, {along}, true, where), epsilon, where), where);
  };
  return sum(unit(a) * unit(b), {along}, false, where);
}

Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& signs, double margin,
                             LossReduction reduction, Location where) {
  constexpr std::string_view kOp = "cosine_embedding_loss";
  require_pair(kOp, a, b, where);
  if (a.rank() != 1 && a.rank() != 2) {
    throw Error(fmt::format("{}: inputs are {}; expected [N, D] or [D]", kOp, a.spec().str()),
                where);
  }
  constexpr double kSmall = 1e-12;  // of the squared lengths, as in PyTorch
  const auto square_length = [&](const Tensor& t) {
    return sum(t * t, {-1}, false, where) + kSmall;
  };
  const Tensor cosine =
      sum(a * b, {-1}, false, where) / sqrt(square_length(a) * square_length(b), where);
  const Tensor y = signs_like(kOp, signs, cosine, where);
  const Tensor apart = choose(eq(y, -1.0, where), clamp(cosine - margin, 0), 0.0, where);
  return reduce_loss(kOp, choose(eq(y, 1.0, where), 1.0 - cosine, apart, where), reduction, where);
}

// ---- margins ------------------------------------------------------------------------------------
Tensor hinge_loss(const Tensor& scores, const Tensor& signs, double margin,
                  LossReduction reduction, Location where) {
  const Tensor y = signs_like("hinge_loss", signs, scores, where);
  return reduce_loss("hinge_loss", clamp(margin - y * scores, 0), reduction, where);
}

Tensor hinge_embedding_loss(const Tensor& x, const Tensor& signs, double margin,
                            LossReduction reduction, Location where) {
  constexpr std::string_view kOp = "hinge_embedding_loss";
  const Tensor y = signs_like(kOp, signs, x, where);
  const Tensor apart = choose(ne(y, 1.0, where), clamp(margin - x, 0), 0.0, where);
  return reduce_loss(kOp, apart + choose(ne(y, -1.0, where), x, 0.0, where), reduction, where);
}

Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& signs, double margin,
                           LossReduction reduction, Location where) {
  constexpr std::string_view kOp = "margin_ranking_loss";
  require_pair(kOp, a, b, where);
  const Tensor y = signs_like(kOp, signs, a, where);
  return reduce_loss(kOp, clamp(margin - y * (a - b), 0), reduction, where);
}

Tensor soft_margin_loss(const Tensor& x, const Tensor& signs, LossReduction reduction,
                        Location where) {
  const Tensor y = signs_like("soft_margin_loss", signs, x, where);
  return reduce_loss("soft_margin_loss", -log_sigmoid(y * x, where), reduction, where);
}

}  // namespace ingrad
