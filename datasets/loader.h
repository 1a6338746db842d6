// SPDX-License-Identifier: Apache-2.0
// Batches of a data set: shuffled, normalised, augmented. A batch is a function of (options, epoch,
// index): training can stop and continue anywhere, and no hidden state decides what comes next.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "datasets/dataset.h"

namespace ingrad {

// (x - mean) / deviation for each channel (or feature), x in [0, 1] for pictures stored as u8.
struct Normalization {
  std::vector<float> mean, deviation;
};
// The channels' means and standard deviations over a data set (deviation 1 where all values agree).
Normalization channel_statistics(const Dataset& dataset);
// inputs: f32 [N, channels, ...]; a new tensor. Error: other numbers of channels, deviation <= 0.
Tensor normalize(const Tensor& inputs, const Normalization& normalization,
                 Location where = Location::current());

// Of pictures. Each sample's change depends on (seed, epoch, sample), not on batch or order.
struct Augmentation {
  // Crops the original size at a random place of the picture padded by this many zeros (before
  // normalisation) on each side.
  std::int64_t crop_padding = 0;
  bool horizontal_flip = false;  // with probability 1/2
};

struct LoaderOptions {
  std::int64_t batch_size = 128;
  bool shuffle = false;    // anew for each epoch
  bool drop_last = false;  // leave out the last batch if it is smaller
  std::uint64_t seed = 0;
  Normalization normalization = {};  // empty: none
  Augmentation augmentation = {};
};

struct Minibatch {
  Tensor inputs;  // f32 [B, ...]
  Tensor labels;  // i64 [B] or f32 [B, 1]
  Tensor rows;    // i64 [B], which samples
};

class Loader {
 public:
  // Error: batch_size < 1, padding < 0, augmentation of tables, a normalisation that does not fit.
  Loader(Dataset dataset, LoaderOptions options = {}, Location where = Location::current());

  const Dataset& dataset() const { return dataset_; }
  const LoaderOptions& options() const { return options_; }
  // Batches in every epoch.
  std::int64_t batches() const;
  // May be called from several threads. Error: no such batch, epoch < 0.
  Minibatch batch(std::int64_t epoch, std::int64_t index,
                  Location where = Location::current()) const;

 private:
  std::vector<std::int64_t> rows_of(std::int64_t epoch, std::int64_t first,
                                    std::int64_t count) const;
  void fill_sample(std::int64_t row, std::int64_t epoch, float* to) const;

  Dataset dataset_;
  LoaderOptions options_;
  std::vector<float> scale_, offset_;  // per channel: input * scale + offset
  mutable std::mutex mutex_;
  mutable std::vector<std::int64_t> order_;  // of order_epoch_, which most calls share
  mutable std::int64_t order_epoch_ = -1;
};

}  // namespace ingrad
