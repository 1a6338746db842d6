// SPDX-License-Identifier: Apache-2.0
// The file from which a training run continues: one safetensors file, replaced atomically, with the
// run's settings in its metadata.
#pragma once

#include <map>
#include <string>

#include "engine/named_tensor.h"

namespace ingrad {

using Settings = std::map<std::string, std::string>;

void write_checkpoint(const std::string& path, const NamedTensors& tensors,
                      const Settings& settings, Location where);

// Error: the file cannot be read, is no checkpoint of a training run, or was made with other
// settings; the message names each that differs.
NamedTensors read_checkpoint(const std::string& path, const Settings& settings, Location where);

}  // namespace ingrad
