// SPDX-License-Identifier: Apache-2.0
// Pass: what one run of a model needs beside its input, and what it leaves behind beside its
// output. Modules have no mode of their own and change nothing when they run, so that one model can
// be trained, evaluated and explained from several threads at once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/named_tensor.h"
#include "engine/random.h"

namespace ingrad {

enum class Mode : std::uint8_t {
  eval,   // batch norm by its running statistics, no dropout: rows stay apart
  train,  // statistics of the batch, dropout
};

class Pass {
 public:
  Pass() = default;  // evaluation
  explicit Pass(Mode mode, std::uint64_t seed = 0, std::uint64_t step = 0)
      : mode_(mode), seed_(seed), step_(step) {}

  bool training() const { return mode_ == Mode::train; }

  // ---- parameters ----
  // From now on `stand_ins` (tracked leaves, perturbed weights ...) are used for `parameters` (or
  // buffers), one each; Error when the numbers, a shape or a dtype differ.
  void substitute(std::span<const NamedTensor> parameters, std::span<const Tensor> stand_ins,
                  Location where = Location::current());
  // What a module computes with: its parameter or buffer, or what stands in for it.
  const Tensor& operator()(const Tensor& parameter) const;

  // ---- taps ----
  // Should every module name its output by its path, for find_tap ("layer1.0.conv1")?
  bool taps = false;
  // Should attention compute its weights in full and name them PATH.weights, [N, heads, queries,
  // keys]?
  bool attention_weights = false;

  // ---- randomness ----
  // For dropout: differs by module, step and row, not by batch. `first_row`: the number of row 0 of
  // the input among the samples of the step.
  RandomKey random(std::string_view module_path);
  // Has anything asked for random numbers?
  bool drew() const { return drew_; }
  std::uint64_t first_row = 0;

  // ---- buffers ----
  // New values of buffers (running statistics), to be assigned after the pass: apply_updates().
  struct Update {
    Tensor buffer, value;
  };
  void update(const Tensor& buffer, const Tensor& value) { updates_.push_back({buffer, value}); }
  const std::vector<Update>& updates() const { return updates_; }
  void apply_updates(Location where = Location::current());

 private:
  Mode mode_ = Mode::eval;
  std::uint64_t seed_ = 0, step_ = 0;
  bool drew_ = false;
  std::unordered_map<const TensorImpl*, Tensor> stand_ins_;
  std::vector<Update> updates_;
};

}  // namespace ingrad
