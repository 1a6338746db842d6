// SPDX-License-Identifier: Apache-2.0
// Models in files. A saved model is a safetensors file whose metadata say how to build it again:
// "ingrad.model" (the text), "ingrad.input_shape" ("3x32x32") and "ingrad.outputs".
#pragma once

#include <map>
#include <memory>
#include <string>

#include "models/catalog.h"

namespace ingrad {

// Parameters and buffers, with what else the caller wants to keep (normalisation, classes, seed).
// Replaces the file atomically. Error: metadata under one of the three names, and as
// write_safetensors.
void save_model(const std::string& path, const Module& model, const ModelSpec& spec,
                const std::map<std::string, std::string>& metadata = {},
                Location where = Location::current());

struct LoadedModel {
  ModelSpec spec;
  std::unique_ptr<Module> model;
  std::map<std::string, std::string> metadata;  // all of the file's
};
// What save_model wrote. Its dtype is f64 if a tensor of the file is, else f32. Error: a file
// without the three names, and as read_safetensors, build_model and Module::load_state.
LoadedModel load_model(const std::string& path, Location where = Location::current());

// Weights from elsewhere, safetensors or a PyTorch state dict, told apart by their first bytes. The
// prefix "module.", which PyTorch's parallel training puts before every name, is taken away. Error
// as read_safetensors and read_state_dict.
NamedTensors read_weights(const std::string& path, Location where = Location::current());
// Into a model that the caller has built. Error as above and as Module::load_state, with the file's
// name; the model is then as before.
void load_weights(Module& model, const std::string& path, Location where = Location::current());

}  // namespace ingrad
