// SPDX-License-Identifier: Apache-2.0
#include "attribution/paths/expected_gradients.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "attribution/baseline_set.h"
#include "attribution/run.h"

namespace ingrad {
namespace {

// Places on the path; + 1: baselines; + 2: noise.
constexpr std::uint64_t kStream = 0x657870677261;  // "expgra"

struct Draw {
  std::int64_t baseline;
  double place;
};

// The draws of every input, in order.
class Draws {
 public:
  Draws(const ExpectedGradientsOptions& o, const ExplainRun& run, std::int64_t baselines)
      : each_(o.draws), classes_(run.classes()) {
    enumerated_ = o.enumerated && each_ % baselines == 0;
    for (std::int64_t s = 0; s < run.samples(); s += classes_) {
      const std::uint64_t number = run.number_of(s);
      const Tensor u = random_uniform({1, each_}, {o.seed, kStream, number, 0}, 0, 1, DType::f64);
      std::vector<std::int64_t> order;
      if (!enumerated_) {
        order = random_integers({1, each_}, {o.seed, kStream + 1, number, 0}, 0, baselines)
                    .to_vector<std::int64_t>();
      }
      // Of every range of places as long as there are baselines, each gets one, by chance: so each
      // sees the whole path in ranges.
      for (std::int64_t range = 0; enumerated_ && range < each_ / baselines; ++range) {
        const auto turn = random_permutation(baselines, {o.seed, kStream + 1, number,
                                                         static_cast<std::uint64_t>(range)})
                              .to_vector<std::int64_t>();
        order.insert(order.end(), turn.begin(), turn.end());
      }
      for (std::int64_t k = 0; k < each_; ++k) {
        const double v = u.data<double>()[k];
        all_.push_back({order[static_cast<std::size_t>(k)],
                        o.stratified ? (static_cast<double>(k) + v) / o.draws : v});
      }
    }
  }

  bool are_enumerated() const { return enumerated_; }
  const Draw& at(std::int64_t sample, std::int64_t k) const {
    return all_[static_cast<std::size_t>(sample / classes_ * each_ + k)];
  }

 private:
  std::int64_t each_, classes_;
  bool enumerated_ = false;
  std::vector<Draw> all_;
};

// Standard errors of means by squared differences of successive terms, in one or more series of
// equal length whose means are averaged.
class SuccessiveDifferences {
 public:
  SuccessiveDifferences(std::size_t values, std::size_t width, std::int64_t classes,
                        std::int64_t series, std::int64_t length)
      : squares_(values), width_(width), series_(series), length_(length) {
    last_.resize(static_cast<std::size_t>(classes * series) * width);
  }

  // The samples of an input for its classes may take turns: each has series of its own.
  void add(std::size_t at, std::int64_t class_of_input, std::int64_t series, bool is_first,
           std::size_t i, double term) {
    float& last = last_[static_cast<std::size_t>(class_of_input * series_ + series) * width_ + i];
    if (!is_first) {
      const double d = term - static_cast<double>(last);
      squares_[at + i] += d * d;
    }
    last = static_cast<float>(term);
  }

  std::vector<double> errors() const {
    std::vector<double> e(squares_.size(), std::numeric_limits<double>::quiet_NaN());
    const auto s = static_cast<double>(series_), n = static_cast<double>(length_);
    for (std::size_t i = 0; length_ > 1 && i < e.size(); ++i) {
      e[i] = std::sqrt(squares_[i] / (2 * s * s * n * (n - 1)));
    }
    return e;
  }

 private:
  std::vector<double> squares_;
  std::vector<float> last_;
  std::size_t width_;
  std::int64_t series_, length_;
};

}  // namespace

Attribution explain_expected_gradients(const ModelFn& model, const Tensor& x,
                                       const ExpectedGradientsOptions& o,
                                       const ExplainOptions& options, Location where) {
  if (o.draws < 1) {
    throw Error(fmt::format("expected_gradients: {} draws; expected at least 1", o.draws), where);
  }
  check_noise("expected_gradients", o.noise, where);
  ExplainRun run("expected_gradients", model, x, options, where);
  const BaselineSet baselines(run, o.baselines);
  const std::int64_t count = baselines.count();
  const Draws draws(o, run, count);
  run.result().f_baseline =
      draws.are_enumerated()
          ? mean_at_baselines(run, baselines)
          : mean_at_baselines(run, baselines, o.draws, [&](std::int64_t s, std::int64_t k) {
              return draws.at(s, k).baseline;
            });
  const std::size_t width = run.width();
  const std::size_t size = static_cast<std::size_t>(run.samples()) * width;
  std::vector<double> values(size);
  const bool by_baseline = draws.are_enumerated() && o.draws >= 2 * count;
  const std::int64_t series = by_baseline ? count : 1;
  SuccessiveDifferences differences(size, width, run.classes(), series, o.draws / series);
  std::vector<float> end(width);
  const auto write_end = [&](const WorkItem& w) {
    if (o.noise.sigma == 0) {
      std::ranges::copy(run.row(w.sample), end.begin());
      return;
    }
    const RandomKey key{o.seed, kStream + 2, run.number_of(w.sample),
                        static_cast<std::uint64_t>(w.variant)};
    add_noise(run.row(w.sample), o.noise, key, end);
  };
  run.pool().gradients(
      run.items(o.draws),
      [&](const WorkItem& w, std::span<float> to) {
        write_end(w);
        const Draw& d = draws.at(w.sample, w.variant);
        const auto from = baselines.row(d.baseline, w.sample);
        const auto place = static_cast<float>(d.place);
        for (std::size_t i = 0; i < width; ++i) to[i] = from[i] + place * (end[i] - from[i]);
      },
      [&](const WorkItem& w, double, std::span<const float> grad) {
        write_end(w);
        const Draw& d = draws.at(w.sample, w.variant);
        const auto from = baselines.row(d.baseline, w.sample);
        const std::size_t at = static_cast<std::size_t>(w.sample) * width;
        const bool is_first = w.variant < series;
        for (std::size_t i = 0; i < width; ++i) {
          const double distance =
              o.multiply_by_inputs ? static_cast<double>(end[i]) - static_cast<double>(from[i]) : 1;
          const double term = distance * static_cast<double>(grad[i]);
          values[at + i] += term / o.draws;
          differences.add(at, w.sample % run.classes(), by_baseline ? d.baseline : 0, is_first, i,
                          term);
        }
      });
  run.set_standard_error(differences.errors());
  run.result().seed = o.seed;
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), o.draws);
  return run.finish(values, o.multiply_by_inputs && o.noise.sigma == 0);
}

}  // namespace ingrad
