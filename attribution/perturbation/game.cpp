// SPDX-License-Identifier: Apache-2.0
#include "attribution/perturbation/game.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace ingrad {
namespace {

// Coalitions that are kept at a time.
constexpr std::int64_t kAtATime = 1 << 15;

}  // namespace

Coalition::Coalition(std::int64_t players, bool all)
    : words_(static_cast<std::size_t>((players + 63) / 64)) {
  if (!all) return;
  for (std::int64_t p = 0; p < players; ++p) set(p, true);
}

void Coalition::set(std::int64_t player, bool present) {
  const std::uint64_t bit = std::uint64_t{1} << (player % 64);
  std::uint64_t& word = words_[static_cast<std::size_t>(player / 64)];
  word = present ? word | bit : word & ~bit;
}

std::int64_t Coalition::size() const {
  std::int64_t n = 0;
  for (const std::uint64_t w : words_) n += std::popcount(w);
  return n;
}

Coalition Coalition::complement(std::int64_t players) const {
  Coalition other(players);
  for (std::int64_t p = 0; p < players; ++p) other.set(p, !has(p));
  return other;
}

Game::Game(ExplainRun& run, const std::optional<Features>& features,
           const std::vector<Tensor>& baselines)
    : run_(run),
      features_(features ? *features : Features::elements(run.inputs().shape().without(0))),
      baselines_(run, baselines) {
  const std::int64_t inputs = run.samples() / run.classes();
  if (features_.row_size() != static_cast<std::int64_t>(run.width()) ||
      (!features_.same_for_all() && features_.samples() != inputs)) {
    throw Error(
        fmt::format("{}: features of {} samples of {} elements; the inputs are {} of {}",
                    run.method(), features_.samples(), features_.row_size(), inputs, run.width()),
        run.where());
  }
}

const std::vector<double>& Game::empty_values() {
  if (!empty_.empty()) return empty_;
  empty_.resize(static_cast<std::size_t>(run_.samples()));
  play({.count = [](std::int64_t) { return std::int64_t{1}; },
        .make = [this](std::int64_t s, std::int64_t) { return Coalition(players(s)); },
        .take = [this](std::int64_t s, std::int64_t,
                       double v) { empty_[static_cast<std::size_t>(s)] = v; }});
  run_.result().f_baseline = empty_;
  return empty_;
}

void Game::set_empty_values(std::vector<double> values) {
  empty_ = std::move(values);
  run_.result().f_baseline = empty_;
}

void Game::play(const Play& play) {
  struct Entry {
    std::int64_t sample, number;
    Coalition coalition;
    double sum = 0;
  };
  std::vector<Entry> entries;
  const std::int64_t b = baselines();
  const auto evaluate = [&] {
    std::vector<WorkItem> items;
    for (std::size_t e = 0; e < entries.size(); ++e) {
      for (std::int64_t i = 0; i < b; ++i) {
        items.push_back({entries[e].sample, static_cast<std::int64_t>(e) * b + i});
      }
    }
    run_.pool().values(
        items,
        [&](const WorkItem& w, std::span<float> row) {
          const Entry& e = entries[static_cast<std::size_t>(w.variant / b)];
          const auto present = run_.row(w.sample);
          const auto absent = baselines_.row(w.variant % b, w.sample);
          const auto feature = ids(w.sample);
          for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = e.coalition.has(feature[i]) ? present[i] : absent[i];
          }
        },
        [&](const WorkItem& w, double value, std::span<const float>) {
          entries[static_cast<std::size_t>(w.variant / b)].sum += value;
        });
    for (const Entry& e : entries) play.take(e.sample, e.number, e.sum / static_cast<double>(b));
    entries.clear();
  };
  // The classes of an input ask for the same coalitions: they are evaluated together.
  const std::int64_t classes = run_.classes();
  for (std::int64_t first = 0; first < run_.samples(); first += classes) {
    const std::int64_t n = play.count(first);
    for (std::int64_t begin = 0; begin < n;) {
      const auto room = kAtATime - static_cast<std::int64_t>(entries.size());
      const std::int64_t end = std::min(n, begin + std::max<std::int64_t>(room / classes, 1));
      for (std::int64_t s = first; s < first + classes; ++s) {
        for (std::int64_t i = begin; i < end; ++i) entries.push_back({s, i, play.make(s, i)});
      }
      begin = end;
      if (static_cast<std::int64_t>(entries.size()) >= kAtATime) evaluate();
    }
  }
  if (!entries.empty()) evaluate();
}

std::vector<double> Game::per_element(const PerFeature& values) const {
  std::vector<double> all;
  for (std::int64_t s = 0; s < run_.samples(); ++s) {
    for (const std::int32_t feature : ids(s)) {
      all.push_back(values[static_cast<std::size_t>(s)][static_cast<std::size_t>(feature)]);
    }
  }
  return all;
}

Attribution Game::finish(const PerFeature& values, const PerFeature& errors, bool complete) {
  if (complete) {
    Attribution& r = run_.result();
    for (std::size_t s = 0; s < values.size(); ++s) {
      const double sum = std::accumulate(values[s].begin(), values[s].end(), 0.0);
      const double difference = r.f[s] - empty_values()[s];
      r.delta.push_back(sum - difference);
      r.relative_delta.push_back(std::abs(r.delta.back()) / std::max(std::abs(difference), 1e-12));
    }
  }
  if (!errors.empty()) run_.set_standard_error(per_element(errors));
  return run_.finish(per_element(values), false);
}

}  // namespace ingrad
