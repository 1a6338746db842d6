// SPDX-License-Identifier: Apache-2.0
// A model as commands use it: with the normalisation of its inputs and the names of its classes,
// both kept in its file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "attribution/model.h"
#include "datasets/loader.h"
#include "models/model_file.h"
#include "models/training/adversarial.h"
#include "models/training/batches.h"

namespace ingrad::tools {

struct TrainedModel {
  ModelSpec spec;
  std::unique_ptr<Module> model;
  Normalization normalization;       // empty: none
  std::vector<std::string> classes;  // empty: regression, or not known
  std::map<std::string, std::string> metadata = {};

  Device device = {};  // of the model

  void to(Device where);  // moves it

  // Of raw inputs on its device (pictures in [0, 1], tables as they are): normalises, then runs the
  // model. Both must stay where they are.
  ModelFn on_raw_inputs() const;
};

// Error as load_model, and when the metadata contradict the model.
TrainedModel load_trained(const std::string& path);
// With "dataset" and whatever else `more` says.
void save_trained(const std::string& path, const TrainedModel& model,
                  const std::map<std::string, std::string>& more = {});

// What attacks on normalised inputs have to know: bounds [0, 1] for pictures.
InputDomain domain_of(const Normalization& normalization, bool pictures);

// The batches of a loader, which must stay where it is.
BatchSource batches_of(const Loader& loader);

}  // namespace ingrad::tools
