// SPDX-License-Identifier: Apache-2.0
#include "attribution/adversarial/attack_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"

namespace ingrad {
namespace {

ExplainOptions checked(const std::string& method, const ExplainOptions& options, bool own_loss,
                       Location where) {
  if (options.target.kind != Target::Kind::predicted &&
      options.target.kind != Target::Kind::given) {
    throw Error(fmt::format("{}: expected one class per sample to leave or to reach", method),
                where);
  }
  ExplainOptions o = options;
  o.scalar = ScalarKind::loss;
  o.contrast.clear();
  // Plans are kept by name; one with a loss of the caller's is for this call.
  if (own_loss) o.pool.plans = nullptr;
  return o;
}

}  // namespace

AttackRun::AttackRun(std::string method, const ModelFn& model, const Tensor& x,
                     const AttackOptions& attack, const ExplainOptions& options, Location where)
    : model_(model),
      attack_(attack),
      first_sample_(options.first_sample),
      start_(std::chrono::steady_clock::now()),
      run_(method, model, x, checked(method, options, attack.loss != nullptr, where), where),
      targets_(run_.result().targets) {}

Tensor AttackRun::losses_of(const Tensor& outputs, const Tensor& classes) const {
  if (!attack_.loss) {
    return scalar_of(outputs, classes, ScalarKind::loss, {}, run_.where());
  }
  const Tensor losses = attack_.loss(outputs, reshape(classes, {classes.dim(0)}));
  if (losses.shape() != Shape{outputs.dim(0)}) {
    throw Error(fmt::format("{}: the loss is {}, expected one for each of {} rows", run_.method(),
                            losses.shape().str(), outputs.dim(0)),
                run_.where());
  }
  return losses;
}

std::vector<WorkItem> AttackRun::items(const std::vector<std::int64_t>& samples) const {
  std::vector<WorkItem> all;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    all.push_back({samples[i], static_cast<std::int64_t>(i)});  // variant: the row
  }
  return all;
}

void AttackRun::gradients(const std::vector<std::int64_t>& samples, const Tensor& at, float* to) {
  const Shape row = run_.inputs().shape().without(0);
  const RowProgram program{
      .name = "gradient of the loss",
      .row = row,
      .result = row,
      .function = [this](const Tensor& rows, const Tensor& classes, const Tensor&) {
        const Tensor x = rows.track();
        const Tensor losses = losses_of(model_(x), classes);
        return std::pair{losses.detach(), gradient(sum(losses), x, {}, run_.where())};
      }};
  const std::size_t width = run_.width();
  const float* const points = at.data<float>();
  run_.pool().compute(
      program, items(samples),
      [&](const WorkItem& w, std::span<float> row_of) {
        std::copy_n(points + static_cast<std::size_t>(w.variant) * width, width, row_of.data());
      },
      [&](const WorkItem& w, double, std::span<const float> grad) {
        std::ranges::copy(grad, to + static_cast<std::size_t>(w.variant) * width);
      });
}

AttackRun::Outcome AttackRun::outcome(const std::vector<std::int64_t>& samples,
                                      const Tensor& points) {
  const RowProgram program{.name = "loss and prediction",
                           .row = run_.inputs().shape().without(0),
                           .result = Shape{1},
                           .function =
                               [this](const Tensor& rows, const Tensor& classes, const Tensor&) {
                                 const Tensor outputs = model_(rows);
                                 return std::pair{losses_of(outputs, classes),
                                                  cast(argmax(outputs, 1, true), DType::f32)};
                               },
                           .backward = false};
  Outcome o;
  const std::size_t width = run_.width();
  run_.pool().compute(
      program, items(samples),
      [&](const WorkItem& w, std::span<float> row) {
        std::copy_n(points.data<float>() + static_cast<std::size_t>(w.variant) * width, width,
                    row.data());
      },
      [&](const WorkItem&, double loss, std::span<const float> prediction) {
        o.losses.push_back(loss);
        o.predictions.push_back(static_cast<std::int64_t>(prediction[0]));
      });
  return o;
}

Tensor AttackRun::attacked(const std::vector<std::int64_t>& samples,
                           const std::vector<double>& radii, std::uint64_t draw) {
  const auto n = static_cast<std::int64_t>(samples.size());
  std::vector<std::int64_t> numbers;
  for (const std::int64_t s : samples) numbers.push_back(first_sample_ + s);
  const AttackedModel model{
      .losses = [&](const Tensor& at) { return outcome(samples, contiguous(at)).losses; },
      .gradient =
          [&](const Tensor& at) {
            const Tensor slope = Tensor::empty(at.shape(), DType::f32, run_.where());
            gradients(samples, contiguous(at), slope.mutable_data<float>());
            return slope;
          }};
  return contiguous(attack(model,
                           contiguous(index_select(run_.inputs(), 0, Tensor::from(samples, {n}))),
                           attack_, radii, Tensor::from(numbers, {n}), draw, run_.where()));
}

double AttackRun::distance(std::int64_t sample, const float* point, AttackNorm norm) const {
  const auto from = run_.row(sample);
  const Shape& shape = run_.inputs().shape();
  const auto channels = static_cast<std::size_t>(shape[1]), points = from.size() / channels;
  const std::vector<double>& deviation = attack_.domain.deviation;
  std::vector<double> change(from.size());
  for (std::size_t i = 0; i < change.size(); ++i) {
    const double unit = deviation.empty() ? 1 : deviation[deviation.size() == 1 ? 0 : i / points];
    change[i] = unit * (static_cast<double>(point[i]) - static_cast<double>(from[i]));
  }
  return norm_of(norm, change);
}

AdversarialExamples AttackRun::finish(const Tensor& points) {
  const std::vector<std::int64_t> all = all_samples(*this);
  const Outcome before = outcome(all, run_.inputs()), after = outcome(all, points);
  AdversarialExamples r;
  r.attack = describe(attack_);
  r.targets = targets_;
  r.before = before.predictions;
  r.after = after.predictions;
  r.loss_before = before.losses;
  r.loss_after = after.losses;
  for (const std::int64_t s : all) {
    const float* const point = points.data<float>() + static_cast<std::size_t>(s) * run_.width();
    r.success.push_back(succeeded(s, r.after[static_cast<std::size_t>(s)]) ? 1 : 0);
    r.linf.push_back(distance(s, point, AttackNorm::linf));
    r.l2.push_back(distance(s, point, AttackNorm::l2));
    r.l1.push_back(distance(s, point, AttackNorm::l1));
  }
  r.inputs = points.to(run_.device());
  r.seed = attack_.seed;
  run_.add_cost(run_.pool().stats());
  r.cost = run_.result().cost;
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  return r;
}

std::vector<std::int64_t> all_samples(const AttackRun& run) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(run.samples()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace ingrad
