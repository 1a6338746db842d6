// SPDX-License-Identifier: Apache-2.0
// Owen values: Shapley values on two levels.
#include <fmt/format.h>

#include <bit>
#include <map>

#include "attribution/perturbation/game.h"
#include "attribution/perturbation/game_values.h"
#include "attribution/perturbation/shapley.h"

namespace ingrad {
namespace {

constexpr std::size_t kMostGroups = 12;

// The members of every group, groups in the order of their numbers.
std::vector<std::vector<std::int64_t>> members(const OwenOptions& o, std::int64_t features,
                                               Location where) {
  if (static_cast<std::int64_t>(o.groups.size()) != features) {
    throw Error(
        fmt::format("owen: groups of {} features, the samples have {}", o.groups.size(), features),
        where);
  }
  std::map<std::int64_t, std::vector<std::int64_t>> by_number;
  for (std::size_t j = 0; j < o.groups.size(); ++j) {
    by_number[o.groups[j]].push_back(static_cast<std::int64_t>(j));
  }
  std::vector<std::vector<std::int64_t>> all;
  for (auto& [number, list] : by_number) {
    if (list.size() > kMostGroups || by_number.size() > kMostGroups) {
      throw Error(fmt::format("owen: {} groups, one of {} features; expected at most {} of either",
                              by_number.size(), list.size(), kMostGroups),
                  where);
    }
    all.push_back(std::move(list));
  }
  return all;
}

}  // namespace

// Player j of group g gets the sum over coalitions Q of other groups and S of other members of g of
// their Shapley weights times v(Q + S + j) - v(Q + S): the Shapley value of j in the game among the
// members of g whose value at S is the Shapley mean over Q of v(Q + S).
Attribution explain_owen(const ModelFn& model, const Tensor& x, const OwenOptions& o,
                         const ExplainOptions& options, Location where) {
  ExplainRun run("owen", model, x, options, where);
  Game game(run, o.features, o.baselines);
  game.empty_values();
  const auto groups = members(o, game.players(0), where);
  for (std::int64_t s = 0; s < run.samples(); ++s) members(o, game.players(s), where);
  const std::size_t n = groups.size();
  // Coalitions, group by group: which other groups are there (n - 1 bits), which members.
  struct Number {
    std::size_t group, others, inside;
  };
  std::vector<Number> numbers;
  for (std::size_t g = 0; g < n; ++g) {
    for (std::size_t others = 0; others < std::size_t{1} << (n - 1); ++others) {
      for (std::size_t inside = 0; inside < std::size_t{1} << groups[g].size(); ++inside) {
        numbers.push_back({g, others, inside});
      }
    }
  }
  const auto coalition = [&](const Number& at) {
    Coalition c(game.players(0));
    for (std::size_t g = 0, bit = 0; g < n; ++g) {
      if (g == at.group) continue;
      if ((at.others >> bit++ & 1) != 0) {
        for (const std::int64_t j : groups[g]) c.set(j, true);
      }
    }
    for (std::size_t i = 0; i < groups[at.group].size(); ++i) {
      if ((at.inside >> i & 1) != 0) c.set(groups[at.group][i], true);
    }
    return c;
  };
  // Shapley weights of the other groups' coalitions by their size.
  std::vector<double> weight(n);
  double binomial = 1;
  for (std::size_t q = 0; q < n; ++q) {
    weight[q] = 1 / (static_cast<double>(n) * binomial);
    binomial *= static_cast<double>(n - 1 - q) / static_cast<double>(q + 1);
  }
  // By sample and group: the game among its members.
  std::vector<Game::PerFeature> inner(static_cast<std::size_t>(run.samples()));
  for (auto& games : inner) {
    for (const auto& group : groups) games.emplace_back(std::size_t{1} << group.size());
  }
  game.play(
      {.count = [&](std::int64_t) { return static_cast<std::int64_t>(numbers.size()); },
       .make = [&](std::int64_t,
                   std::int64_t i) { return coalition(numbers[static_cast<std::size_t>(i)]); },
       .take =
           [&](std::int64_t s, std::int64_t i, double value) {
             const Number& at = numbers[static_cast<std::size_t>(i)];
             const auto size = static_cast<std::size_t>(std::popcount(at.others));
             inner[static_cast<std::size_t>(s)][at.group][at.inside] += weight[size] * value;
           }});
  Game::PerFeature values;
  for (const auto& games : inner) {
    std::vector<double> phi(o.groups.size());
    for (std::size_t g = 0; g < n; ++g) {
      const std::vector<double> of_group = shapley_values(games[g]);
      for (std::size_t i = 0; i < of_group.size(); ++i) {
        phi[static_cast<std::size_t>(groups[g][i])] = of_group[i];
      }
    }
    values.push_back(std::move(phi));
  }
  run.result().steps.assign(values.size(), static_cast<int>(numbers.size()));
  return game.finish(values, {}, true);
}

}  // namespace ingrad
