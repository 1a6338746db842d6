// SPDX-License-Identifier: Apache-2.0
// Feature ablation and feature permutation.
#include "attribution/perturbation/ablation.h"

#include <fmt/format.h>

#include <array>

#include "attribution/moments.h"
#include "attribution/perturbation/game.h"
#include "engine/random.h"

namespace ingrad {
namespace {

constexpr std::uint64_t kPermutationStream = 0x7065726d757465;  // "permute"

}  // namespace

Attribution explain_feature_ablation(const ModelFn& model, const Tensor& x,
                                     const FeatureAblationOptions& o, const ExplainOptions& options,
                                     Location where) {
  ExplainRun run("feature_ablation", model, x, options, where);
  Game game(run, o.features, o.baselines);
  Game::PerFeature drops(static_cast<std::size_t>(run.samples()));
  game.play({.count = [&](std::int64_t s) { return game.players(s); },
             .make =
                 [&](std::int64_t s, std::int64_t feature) {
                   Coalition others(game.players(s), true);
                   others.set(feature, false);
                   return others;
                 },
             .take =
                 [&](std::int64_t s, std::int64_t, double value) {
                   const auto i = static_cast<std::size_t>(s);
                   drops[i].push_back(run.result().f[i] - value);
                 }});
  for (const auto& of_features : drops) {
    run.result().steps.push_back(static_cast<int>(of_features.size()));
  }
  return game.finish(drops, {}, false);
}

Attribution explain_feature_permutation(const ModelFn& model, const Tensor& x,
                                        const FeaturePermutationOptions& o,
                                        const ExplainOptions& options, Location where) {
  if (o.permutations < 1) {
    throw Error(
        fmt::format("feature_permutation: {} permutations; expected at least 1", o.permutations),
        where);
  }
  ExplainRun run("feature_permutation", model, x, options, where);
  const std::int64_t classes = run.classes(), n = run.samples() / classes;
  const Features features =
      o.features ? *o.features : Features::elements(run.inputs().shape().without(0));
  if (n < 2 || !features.same_for_all() ||
      features.row_size() != static_cast<std::int64_t>(run.width())) {
    throw Error(
        fmt::format("feature_permutation: {} samples of {} elements with features for {} of "
                    "{}; expected at least two samples and one assignment of features",
                    n, run.width(), features.samples(), features.row_size()),
        where);
  }
  const std::int64_t m = features.count(0), draws = o.permutations;
  std::vector<std::vector<std::int64_t>>
      partner;  // by draw and feature: whose values a sample gets
  for (std::int64_t d = 0; d < draws; ++d) {
    for (std::int64_t j = 0; j < m; ++j) {
      const RandomKey key{o.seed, kPermutationStream, static_cast<std::uint64_t>(j),
                          static_cast<std::uint64_t>(d)};
      partner.push_back(random_permutation(n, key).to_vector<std::int64_t>());
    }
  }
  Moments drops(static_cast<std::size_t>(run.samples() * m));
  run.pool().values(
      run.items(draws * m),  // variant = draw * m + feature
      [&](const WorkItem& w, std::span<float> row) {
        const auto own = run.row(w.sample);
        const auto& whose = partner[static_cast<std::size_t>(w.variant)];
        const auto other = run.row(whose[static_cast<std::size_t>(w.sample / classes)] * classes);
        const auto feature = features.ids(0);
        for (std::size_t i = 0; i < row.size(); ++i) {
          row[i] = feature[i] == w.variant % m ? other[i] : own[i];
        }
      },
      [&](const WorkItem& w, double value, std::span<const float>) {
        const auto at = static_cast<std::size_t>(w.sample * m + w.variant % m);
        const double drop = run.result().f[static_cast<std::size_t>(w.sample)] - value;
        drops.add(at, std::array{drop}, static_cast<int>(w.variant / m) + 1);
      });
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  std::vector<double> error(values.size());
  const std::vector<double> errors = drops.error_of_mean(o.permutations);
  const auto feature = features.ids(0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto sample = static_cast<std::int64_t>(i / run.width());
    const auto at = static_cast<std::size_t>(sample * m + feature[i % run.width()]);
    values[i] = drops.mean()[at];
    error[i] = errors[at];
  }
  run.set_standard_error(error);
  run.result().seed = o.seed;
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), static_cast<int>(draws));
  return run.finish(values, false);
}

}  // namespace ingrad
