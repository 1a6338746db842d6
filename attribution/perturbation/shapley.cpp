// SPDX-License-Identifier: Apache-2.0
// Shapley values, exact and by permutations.
#include "attribution/perturbation/shapley.h"

#include <fmt/format.h>

#include <algorithm>

#include "attribution/moments.h"
#include "attribution/perturbation/game.h"
#include "attribution/perturbation/game_values.h"
#include "engine/random.h"

namespace ingrad {
namespace {

constexpr std::uint64_t kOrderStream = 0x6f72646572;  // "order"
constexpr std::int64_t kMostPlayers = 16;

}  // namespace

Attribution explain_shapley(const ModelFn& model, const Tensor& x, const ShapleyOptions& o,
                            const ExplainOptions& options, Location where) {
  ExplainRun run("shapley", model, x, options, where);
  Game game(run, o.features, o.baselines);
  for (std::int64_t s = 0; s < run.samples(); ++s) {
    if (game.players(s) > kMostPlayers) {
      throw Error(fmt::format("shapley: {} features; expected at most {} (shapley_sampling and "
                              "kernel_shap take more)",
                              game.players(s), kMostPlayers),
                  where);
    }
  }
  game.empty_values();
  Game::PerFeature v(static_cast<std::size_t>(run.samples()));  // by the bits of the coalition
  game.play({.count = [&](std::int64_t s) { return std::int64_t{1} << game.players(s); },
             .make =
                 [&](std::int64_t s, std::int64_t bits) {
                   Coalition c(game.players(s));
                   for (std::int64_t p = 0; p < game.players(s); ++p)
                     c.set(p, (bits >> p & 1) != 0);
                   return c;
                 },
             .take = [&](std::int64_t s, std::int64_t,
                         double value) { v[static_cast<std::size_t>(s)].push_back(value); }});
  Game::PerFeature values;
  for (const std::vector<double>& of_coalitions : v) {
    values.push_back(shapley_values(of_coalitions));
    run.result().steps.push_back(static_cast<int>(of_coalitions.size()));
  }
  return game.finish(values, {}, true);
}

Attribution explain_shapley_sampling(const ModelFn& model, const Tensor& x,
                                     const ShapleySamplingOptions& o, const ExplainOptions& options,
                                     Location where) {
  if (o.pairs < 1) {
    throw Error(fmt::format("shapley_sampling: {} pairs of orders; expected at least 1", o.pairs),
                where);
  }
  ExplainRun run("shapley_sampling", model, x, options, where);
  Game game(run, o.features, o.baselines);
  game.empty_values();
  const auto samples = static_cast<std::size_t>(run.samples());
  // Order k of a sample; odd ones are those before them, reversed.
  std::vector<std::vector<std::int64_t>> order(samples);
  std::vector<std::int64_t> ordered(samples, -1);
  const auto order_of = [&](std::int64_t s, std::int64_t k) -> const std::vector<std::int64_t>& {
    const auto i = static_cast<std::size_t>(s);
    if (ordered[i] != k) {
      const RandomKey key{o.seed, kOrderStream, run.number_of(s),
                          static_cast<std::uint64_t>(k / 2)};
      order[i] = random_permutation(game.players(s), key).to_vector<std::int64_t>();
      if (k % 2 == 1) std::reverse(order[i].begin(), order[i].end());
      ordered[i] = k;
    }
    return order[i];
  };
  // Of a sample: the values at the order's prefixes as they come in, and what a feature
  // adds, over pairs.
  struct Sums {
    std::vector<double> pair;
    Moments pairs;
    double before = 0;
  };
  std::vector<Sums> sums;
  for (std::int64_t s = 0; s < run.samples(); ++s) {
    const auto m = static_cast<std::size_t>(game.players(s));
    sums.push_back({std::vector<double>(m), Moments(m)});
  }
  // The last prefix of an order is the sample itself. Coalitions are numbered order by order.
  const auto in_order = [&](std::int64_t s) {
    return std::max<std::int64_t>(game.players(s) - 1, 1);
  };
  game.play({.count = [&](std::int64_t s) { return 2 * o.pairs * in_order(s); },
             .make =
                 [&](std::int64_t s, std::int64_t number) {
                   const auto& entering = order_of(s, number / in_order(s));
                   Coalition c(game.players(s));
                   for (std::int64_t p = 0; p <= number % in_order(s); ++p) {
                     c.set(entering[static_cast<std::size_t>(p)], true);
                   }
                   return c;
                 },
             .take =
                 [&](std::int64_t s, std::int64_t number, double value) {
                   const auto i = static_cast<std::size_t>(s);
                   Sums& t = sums[i];
                   const std::int64_t k = number / in_order(s), place = number % in_order(s);
                   const auto& entering = order_of(s, k);
                   if (place == 0) t.before = run.result().f_baseline[i];
                   t.pair[static_cast<std::size_t>(entering[static_cast<std::size_t>(place)])] +=
                       (value - t.before) / 2;
                   t.before = value;
                   if (place + 1 < in_order(s)) return;
                   if (game.players(s) > 1) {
                     t.pair[static_cast<std::size_t>(entering.back())] +=
                         (run.result().f[i] - value) / 2;
                   }
                   if (k % 2 == 1) {
                     t.pairs.add(0, t.pair, static_cast<int>(k / 2) + 1);
                     std::fill(t.pair.begin(), t.pair.end(), 0.0);
                   }
                 }});
  Game::PerFeature values, errors;
  for (const Sums& t : sums) {
    values.push_back(t.pairs.mean());
    errors.push_back(t.pairs.error_of_mean(o.pairs));
  }
  run.result().seed = o.seed;
  run.result().steps.assign(samples, 2 * o.pairs);
  return game.finish(values, errors, true);
}

}  // namespace ingrad
