// SPDX-License-Identifier: Apache-2.0
#include "models/training/adversarial.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/losses.h"
#include "engine/ops/reduce.h"
#include "engine/option_text.h"
#include "models/training/perturbation.h"

namespace ingrad {
namespace {

Tensor row_cross_entropy(const Tensor& outputs, const Tensor& targets) {
  ClassLossOptions each;
  each.reduction = LossReduction::none;
  return cross_entropy(outputs, targets, each);
}

Tensor numbered(const Tensor& samples, std::int64_t rows, Location where) {
  if (!samples.defined()) return Tensor::arange(rows);
  if (samples.dtype() != DType::i64 || samples.shape() != Shape{rows}) {
    throw Error(
        fmt::format("attack: sample numbers are {}, expected i64 [{}]", samples.spec().str(), rows),
        where);
  }
  return contiguous(samples);
}

// Takes the rows of `candidate` whose loss is larger (smaller, for targets).
void keep_worse(const Tensor& candidate, const std::vector<double>& losses, bool targeted,
                Tensor& kept, std::vector<double>& kept_losses) {
  if (!kept.defined()) {
    kept = candidate;
    kept_losses = losses;
    return;
  }
  std::vector<std::uint8_t> better(losses.size());
  for (std::size_t r = 0; r < losses.size(); ++r) {
    better[r] = targeted ? losses[r] < kept_losses[r] : losses[r] > kept_losses[r];
    if (better[r] != 0) kept_losses[r] = losses[r];
  }
  Shape column(std::vector<std::int64_t>(static_cast<std::size_t>(candidate.rank()), 1));
  column = column.with(0, candidate.dim(0));
  kept = where(Tensor::from(better, column), candidate, kept);
}

}  // namespace

Tensor attack(const AttackedModel& model, const Tensor& x, const AttackOptions& options,
              const std::vector<double>& radii, const Tensor& samples, std::uint64_t draw,
              Location where) {
  const Perturbation ball(x, options, radii, where);
  const Tensor numbers = numbered(samples, x.dim(0), where);
  const Tensor origin = contiguous(x.detach());
  if (x.dim(0) == 0) return origin;
  Tensor kept;
  std::vector<double> kept_losses;
  for (int restart = 0; restart < options.restarts; ++restart) {
    const auto number =
        draw * static_cast<std::uint64_t>(options.restarts) + static_cast<std::uint64_t>(restart);
    Tensor at = options.random_start ? ball.random_start(numbers, number) : origin;
    for (int step = 0; step < options.steps; ++step) at = ball.moved(at, model.gradient(at));
    if (options.restarts == 1) return at;
    keep_worse(at, model.losses(at), options.targeted, kept, kept_losses);
  }
  return kept;
}

Tensor attack(const std::function<Tensor(const Tensor&)>& model, const Tensor& x,
              const Tensor& targets, const AttackOptions& options, const Tensor& samples,
              std::uint64_t draw, Location where) {
  if (x.defined() && x.rank() > 0 &&
      (!targets.defined() || targets.rank() < 1 || targets.dim(0) != x.dim(0))) {
    throw Error(fmt::format("attack: targets are {} for {} rows",
                            targets.defined() ? targets.spec().str() : "undefined", x.dim(0)),
                where);
  }
  const RowLoss loss = options.loss ? options.loss : RowLoss(row_cross_entropy);
  const auto losses_at = [&](const Tensor& point) {
    const Tensor losses = loss(model(point), targets);
    if (losses.shape() != Shape{point.dim(0)}) {
      throw Error(fmt::format("attack: the loss is {}, expected one for each of {} rows",
                              losses.shape().str(), point.dim(0)),
                  where);
    }
    return losses;
  };
  const AttackedModel rows{
      .losses = [&](const Tensor& at) { return losses_at(at).to_vector<double>(); },
      .gradient =
          [&](const Tensor& at) {
            const Tensor leaf = at.track();
            // Rows are apart: the gradient of the sum holds the gradient of each.
            return gradient(sum(losses_at(leaf), {}, false, where), leaf, {}, where);
          }};
  return attack(rows, x, options, {}, samples, draw, where);
}

// ---- text ---------------------------------------------------------------------------------------

namespace {

constexpr std::string_view kNorms[] = {"linf", "l2", "l1"};  // as AttackNorm

// "0.3" or "8/255".
double ratio(OptionText& text, std::string_view key, double fallback, Location where) {
  if (!text.has(key)) return fallback;
  const std::string value = text.text(key, "");
  const auto number = [](std::string_view part) -> std::optional<double> {
    double parsed = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), parsed);
    if (error != std::errc{} || stop != part.data() + part.size()) return {};
    return parsed;
  };
  const std::size_t slash = value.find('/');
  const auto upper = number(std::string_view(value).substr(0, slash));
  const auto lower = slash == std::string::npos ? std::optional<double>(1)
                                                : number(std::string_view(value).substr(slash + 1));
  if (!upper || !lower || !(*upper / *lower >= 0) || std::isinf(*upper / *lower)) {
    throw Error(fmt::format("{}: {} is '{}', expected a number such as 0.3 or 8/255", text.name(),
                            key, value),
                where);
  }
  return *upper / *lower;
}

}  // namespace

AttackOptions make_attack(std::string_view spec, Location where) {
  OptionText t(spec, where);
  AttackOptions o;
  const bool fgsm = t.name() == "fgsm";
  const auto named = std::ranges::find(kNorms, t.name());
  if (named != std::end(kNorms)) {
    o.norm = static_cast<AttackNorm>(named - std::begin(kNorms));
  } else if (!fgsm) {
    throw Error(fmt::format("no attack '{}'; there are fgsm, linf, l2, l1", t.name()), where);
  }
  if (!t.has("eps")) throw Error(fmt::format("{}: needs eps=RADIUS", t.name()), where);
  o.epsilon = ratio(t, "eps", 0, where);
  if (fgsm) {
    o.steps = 1;
    o.random_start = t.flag("random_start", false);
  } else {
    o.steps = static_cast<int>(std::clamp<std::int64_t>(t.integer("steps", o.steps), 0, 1 << 20));
    o.random_start = t.flag("random_start", true);
  }
  o.step_size = ratio(t, "step", 0, where);
  o.restarts = static_cast<int>(std::clamp<std::int64_t>(t.integer("restarts", 1), 0, 1 << 20));
  o.targeted = t.flag("targeted");
  t.finish();
  if (o.steps < 1) throw Error(fmt::format("{}: steps must be at least 1", t.name()), where);
  if (o.restarts < 1) throw Error(fmt::format("{}: restarts must be at least 1", t.name()), where);
  return o;
}

std::string describe(const AttackOptions& o) {
  std::string text = fmt::format("{}:eps={},steps={}", kNorms[static_cast<std::size_t>(o.norm)],
                                 o.epsilon, o.steps);
  if (o.step_size > 0) text += fmt::format(",step={}", o.step_size);
  if (!o.random_start) text += ",random_start=false";
  if (o.restarts != 1) text += fmt::format(",restarts={}", o.restarts);
  if (o.targeted) text += ",targeted";
  return text;
}

}  // namespace ingrad
