// SPDX-License-Identifier: Apache-2.0
// Models by text: "mlp:784-512-10", "resnet18:stem=cifar", "vgg16:batch_norm", "cnn:width=64".
#pragma once

#include <memory>
#include <vector>

#include "models/model_spec.h"
#include "models/module.h"

namespace ingrad {

struct ModelEntry {
  std::string name;
  std::string doc;      // one line
  std::string options;  // what may stand after "name:", with defaults; empty: nothing
  ModelSpec example;    // with the input that it is known for
};

// Every model that can be built by name.
std::vector<ModelEntry> model_catalog();

// The model with all parameters zero, for weights to be loaded into. Error: an unknown name (the
// known ones are listed), unknown options, values out of range, an input that the model cannot
// take.
std::unique_ptr<Module> build_model(const ModelSpec& spec, Location where = Location::current());
// With its initial values for `seed`.
std::unique_ptr<Module> make_model(const ModelSpec& spec, std::uint64_t seed = 0,
                                   Location where = Location::current());

}  // namespace ingrad
