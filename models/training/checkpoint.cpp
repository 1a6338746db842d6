// SPDX-License-Identifier: Apache-2.0
#include "models/training/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "engine/io/safetensors.h"

namespace ingrad {
namespace {

constexpr std::string_view kFormat = "ingrad training state 1";
constexpr std::string_view kPrefix = "setting.";

std::vector<std::string> differences(const Settings& made, const Settings& asked) {
  std::vector<std::string> all;
  for (const auto& [name, value] : asked) {
    const auto found = made.find(name);
    if (found == made.end()) {
      all.push_back(fmt::format("{} is now '{}' and was not set", name, value));
    } else if (found->second != value) {
      all.push_back(fmt::format("{} is now '{}' and was '{}'", name, value, found->second));
    }
  }
  for (const auto& [name, value] : made) {
    if (!asked.contains(name)) all.push_back(fmt::format("{} was '{}', now not set", name, value));
  }
  return all;
}

}  // namespace

void write_checkpoint(const std::string& path, const NamedTensors& tensors,
                      const Settings& settings, Location where) {
  std::map<std::string, std::string> metadata{{"format", std::string(kFormat)}};
  for (const auto& [name, value] : settings) metadata[fmt::format("{}{}", kPrefix, name)] = value;
  write_safetensors(path, tensors, metadata, where);
}

NamedTensors read_checkpoint(const std::string& path, const Settings& settings, Location where) {
  Safetensors file = read_safetensors(path, where);
  const auto format = file.metadata.find("format");
  if (format == file.metadata.end() || format->second != kFormat) {
    throw Error(fmt::format("{}: this is not the state of a training run", path), where);
  }
  Settings made;
  for (const auto& [name, value] : file.metadata) {
    if (name.starts_with(kPrefix)) made[name.substr(kPrefix.size())] = value;
  }
  const std::vector<std::string> differing = differences(made, settings);
  if (!differing.empty()) {
    throw Error(fmt::format("cannot resume {}: {}", path, fmt::join(differing, "; ")), where);
  }
  return std::move(file.tensors);
}

}  // namespace ingrad
