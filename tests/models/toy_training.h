// SPDX-License-Identifier: Apache-2.0
// A small classification problem for tests of training: four Gaussian clouds, by counter.
#pragma once

#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/random.h"
#include "models/catalog.h"
#include "models/training/trainer.h"

namespace ingrad::testing {

// Batch (epoch, index): samples index * size ... in every epoch, moved by noise of the epoch.
inline BatchSource clouds(std::int64_t batches, std::int64_t size, std::uint64_t seed = 1) {
  BatchSource source;
  source.batches = batches;
  source.samples = batches * size;
  source.batch = [=](std::int64_t epoch, std::int64_t index) {
    const auto first = static_cast<std::uint64_t>(index * size);
    Batch b;
    b.targets = random_integers({size, 1}, {seed, 1, first, 0}, 0, 4);
    const Tensor centres = Tensor::from<float>({2, 2, -2, 2, -2, -2, 2, -2}, {4, 2});
    const Tensor noise =
        random_normal({size, 2}, {seed, 2, first, static_cast<std::uint64_t>(epoch)}, 0, 0.8);
    const Tensor classes = Tensor::from(b.targets.to_vector<std::int64_t>(), {size});
    b.inputs = embedding(centres, classes) + noise;
    b.targets = classes;
    b.samples = Tensor::arange(size, DType::i64, static_cast<double>(first));
    return b;
  };
  return source;
}

// With batch norm and dropout, so that everything a run depends on is in play.
inline std::unique_ptr<Module> toy_model() {
  return make_model({"mlp:hidden=24-16,batch_norm,dropout=0.1", {2}, 4}, 5);
}

inline TrainOptions toy_options() {
  TrainOptions o;
  o.epochs = 4;
  o.seed = 3;
  o.optimizer = "adamw:learning_rate=0.01";
  o.schedule = "cosine:warmup=5";
  o.clip_norm = 1;
  o.average_decay = 0.9;
  o.adversarial = make_attack("linf:eps=0.3,steps=2");
  o.adversarial_fraction = 0.5;
  return o;
}

}  // namespace ingrad::testing
