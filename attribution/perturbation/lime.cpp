// SPDX-License-Identifier: Apache-2.0
#include "attribution/perturbation/lime.h"

#include <fmt/format.h>

#include <cmath>

#include "attribution/perturbation/game.h"
#include "attribution/perturbation/linear_fit.h"
#include "engine/random.h"

namespace ingrad {
namespace {

constexpr std::uint64_t kMaskStream = 0x6c696d65;     // "lime"
constexpr std::uint64_t kNoiseStream = 0x636c696d65;  // "clime"

Coalition drawn(std::int64_t players, std::uint64_t seed, std::uint64_t sample, std::int64_t draw) {
  const Tensor present = random_bernoulli(
      {1, players}, {seed, kMaskStream, sample, static_cast<std::uint64_t>(draw)}, 0.5, DType::u8);
  Coalition c(players);
  const auto* p = present.data<std::uint8_t>();
  for (std::int64_t j = 0; j < players; ++j) c.set(j, p[j] != 0);
  return c;
}

double weight(const LimeOptions& o, std::int64_t present, std::int64_t players) {
  const double share = static_cast<double>(present) / static_cast<double>(players);
  const double d =
      o.distance == LimeOptions::Distance::cosine ? 1 - std::sqrt(share) : std::sqrt(1 - share);
  return std::exp(-d * d / (2 * o.width * o.width));
}

void keep(const LinearFit& fit, Attribution& result, Game::PerFeature& values,
          Game::PerFeature& errors) {
  values.push_back(fit.coefficients);
  errors.push_back(fit.errors);
  result.r_squared.push_back(fit.r_squared);
}

}  // namespace

Attribution explain_lime(const ModelFn& model, const Tensor& x, const LimeOptions& o,
                         const ExplainOptions& options, Location where) {
  if (o.samples < 2 || !(o.width > 0) || !(o.ridge >= 0) || !(o.lasso >= 0)) {
    throw Error(
        fmt::format("lime: {} samples, width {}, ridge {}, lasso {}; expected at least 2, a "
                    "positive width, penalties of at least 0",
                    o.samples, o.width, o.ridge, o.lasso),
        where);
  }
  ExplainRun run("lime", model, x, options, where);
  Game game(run, o.features, o.baselines);
  Game::PerFeature v(static_cast<std::size_t>(run.samples()));
  const auto coalition = [&](std::int64_t s, std::int64_t draw) {
    return drawn(game.players(s), o.seed, run.number_of(s), draw);
  };
  game.play({.count = [&](std::int64_t) { return std::int64_t{o.samples}; },
             .make = coalition,
             .take = [&](std::int64_t s, std::int64_t,
                         double value) { v[static_cast<std::size_t>(s)].push_back(value); }});
  const Penalty penalty = o.lasso > 0 ? Penalty{.lasso = o.lasso} : Penalty{.ridge = o.ridge};
  Game::PerFeature values, errors;
  std::vector<double> rows, weights;
  for (std::int64_t s = 0; s < run.samples(); ++s) {
    const std::int64_t m = game.players(s);
    if (s % run.classes() == 0) {  // the classes of an input share the draws
      rows.clear();
      weights.clear();
      for (std::int64_t i = 0; i < o.samples; ++i) {
        const Coalition c = coalition(s, i);
        for (std::int64_t j = 0; j < m; ++j) rows.push_back(c.has(j) ? 1 : 0);
        weights.push_back(weight(o, c.size(), m));
      }
    }
    keep(fit_linear(rows, static_cast<std::size_t>(m), v[static_cast<std::size_t>(s)], weights,
                    penalty),
         run.result(), values, errors);
  }
  run.result().seed = o.seed;
  run.result().steps.assign(v.size(), o.samples);
  return game.finish(values, errors, false);
}

Attribution explain_continuous_lime(const ModelFn& model, const Tensor& x,
                                    const ContinuousLimeOptions& o, const ExplainOptions& options,
                                    Location where) {
  if (o.samples < 0 || o.samples == 1 || !(o.sigma > 0) || !(o.ridge >= 0)) {
    throw Error(
        fmt::format("continuous_lime: {} samples, sigma {}, ridge {}; expected 0 or at least "
                    "2, a positive sigma and a ridge of at least 0",
                    o.samples, o.sigma, o.ridge),
        where);
  }
  ExplainRun run("continuous_lime", model, x, options, where);
  const std::size_t width = run.width();
  const auto draws = static_cast<std::int64_t>(
      o.samples > 0 ? static_cast<std::size_t>(o.samples) : std::max<std::size_t>(4 * width, 1000));
  const auto noise = [&](std::int64_t s, std::int64_t draw) {
    return random_normal(
        {1, static_cast<std::int64_t>(width)},
        {o.seed, kNoiseStream, run.number_of(s), static_cast<std::uint64_t>(draw)});
  };
  Game::PerFeature v(static_cast<std::size_t>(run.samples()));
  run.pool().values(
      run.items(draws),
      [&](const WorkItem& w, std::span<float> row) {
        const auto from = run.row(w.sample);
        const Tensor z = noise(w.sample, w.variant);
        const auto sigma = static_cast<float>(o.sigma);
        for (std::size_t i = 0; i < width; ++i) row[i] = from[i] + sigma * z.data<float>()[i];
      },
      [&](const WorkItem& w, double value, std::span<const float>) {
        v[static_cast<std::size_t>(w.sample)].push_back(value);
      });
  const std::vector<double> weights(static_cast<std::size_t>(draws), 1.0);
  const Penalty penalty{.ridge = o.ridge * static_cast<double>(draws) * o.sigma * o.sigma};
  Game game(run, {}, {});
  Game::PerFeature values, errors;
  std::vector<double> rows;
  for (std::int64_t s = 0; s < run.samples(); ++s) {
    if (s % run.classes() == 0) {
      rows.clear();
      for (std::int64_t i = 0; i < draws; ++i) {
        const Tensor z = noise(s, i);
        for (std::size_t j = 0; j < width; ++j) {
          rows.push_back(o.sigma * static_cast<double>(z.data<float>()[j]));
        }
      }
    }
    keep(fit_linear(rows, width, v[static_cast<std::size_t>(s)], weights, penalty), run.result(),
         values, errors);
  }
  run.result().seed = o.seed;
  run.result().steps.assign(v.size(), static_cast<int>(draws));
  return game.finish(values, errors, false);
}

}  // namespace ingrad
