// SPDX-License-Identifier: Apache-2.0
// Explaining as a cooperative game: the features of a sample are players, and the value of a
// coalition is f of the sample with the absent features replaced by those of the baseline, averaged
// over baselines (attribution reference: Lundberg & Lee 2017, interventional values).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "attribution/baseline_set.h"
#include "attribution/perturbation/features.h"
#include "attribution/run.h"

namespace ingrad {

// Which features of a sample are present.
class Coalition {
 public:
  explicit Coalition(std::int64_t players, bool all = false);
  bool has(std::int64_t player) const {
    return (words_[static_cast<std::size_t>(player / 64)] >> (player % 64) & 1) != 0;
  }
  void set(std::int64_t player, bool present);
  std::int64_t size() const;  // players present
  Coalition complement(std::int64_t players) const;

 private:
  std::vector<std::uint64_t> words_;
};

class Game {
 public:
  // Without features, every element is one. Error when they are for other samples than those of the
  // run, or a baseline does not broadcast.
  Game(ExplainRun& run, const std::optional<Features>& features,
       const std::vector<Tensor>& baselines);

  std::int64_t players(std::int64_t sample) const { return features_.count(input(sample)); }
  std::span<const std::int32_t> ids(std::int64_t sample) const {
    return features_.ids(input(sample));
  }
  ExplainRun& run() const { return run_; }
  std::int64_t baselines() const { return baselines_.count(); }

  // Evaluates f where nothing is present, and keeps it as the run's f_baseline.
  const std::vector<double>& empty_values();
  // On another scale than f's.
  void set_empty_values(std::vector<double> values);

  // v of coalitions of a range of samples [first, last). `make` gives the coalition with a number
  // of a sample, `count` how many it has, `take` gets their values in order of the numbers. Long
  // lists are evaluated piece by piece.
  struct Play {
    std::function<std::int64_t(std::int64_t sample)> count;
    std::function<Coalition(std::int64_t sample, std::int64_t number)> make;
    std::function<void(std::int64_t sample, std::int64_t number, double value)> take;
  };
  void play(const Play& play);

  // Closes the run with one value per feature of every sample, which each element of the feature
  // gets, and standard errors likewise unless empty. `complete`: values add up to f(x) - f(x').
  using PerFeature = std::vector<std::vector<double>>;
  Attribution finish(const PerFeature& values, const PerFeature& errors, bool complete);

 private:
  std::vector<double> per_element(const PerFeature& values) const;
  std::int64_t input(std::int64_t sample) const { return sample / run_.classes(); }

  ExplainRun& run_;
  Features features_;
  BaselineSet baselines_;
  std::vector<double> empty_;
};

}  // namespace ingrad
