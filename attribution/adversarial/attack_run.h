// SPDX-License-Identifier: Apache-2.0
// What attacks share: losses, gradients and predictions of perturbed samples, by the pool.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "attribution/adversarial/adversarial.h"
#include "attribution/run.h"

namespace ingrad {

class AttackRun {
 public:
  // The names of samples below are places in the inputs. Error for several classes per sample.
  AttackRun(std::string method, const ModelFn& model, const Tensor& x, const AttackOptions& attack,
            const ExplainOptions& options, Location where);

  std::int64_t samples() const { return run_.samples(); }
  const Tensor& inputs() const { return run_.inputs(); }
  bool succeeded(std::int64_t sample, std::int64_t prediction) const {
    const std::int64_t target = targets_[static_cast<std::size_t>(sample)];
    return attack_.targeted ? prediction == target : prediction != target;
  }

  // The samples, attacked within radii of their own (none: the attack's); row i is samples[i].
  Tensor attacked(const std::vector<std::int64_t>& samples, const std::vector<double>& radii,
                  std::uint64_t draw);
  struct Outcome {
    std::vector<double> losses;
    std::vector<std::int64_t> predictions;
  };
  Outcome outcome(const std::vector<std::int64_t>& samples, const Tensor& points);
  // Of the change of a sample, in raw units.
  double distance(std::int64_t sample, const float* point, AttackNorm norm) const;

  // Fills in everything but `radius`; points: of all samples.
  AdversarialExamples finish(const Tensor& points);

 private:
  Tensor losses_of(const Tensor& outputs, const Tensor& classes) const;
  std::vector<WorkItem> items(const std::vector<std::int64_t>& samples) const;
  void gradients(const std::vector<std::int64_t>& samples, const Tensor& at, float* to);

  const ModelFn& model_;
  const AttackOptions& attack_;
  std::int64_t first_sample_;
  std::chrono::steady_clock::time_point start_;
  ExplainRun run_;
  std::vector<std::int64_t> targets_;
};

// Every sample of a run, in order.
std::vector<std::int64_t> all_samples(const AttackRun& run);

}  // namespace ingrad
