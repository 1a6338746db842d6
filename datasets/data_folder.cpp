// SPDX-License-Identifier: Apache-2.0
#include "datasets/data_folder.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

namespace ingrad {

std::string data_folder(const std::string& option) {
  if (!option.empty()) return option;
  const char* variable = std::getenv("INGRAD_DATA");
  return variable != nullptr ? variable : "";
}

std::vector<std::string> candidates(const std::string& data, std::span<const std::string> folders,
                                    const std::string& file) {
  std::vector<std::string> paths;
  for (const std::string& folder : folders) {
    const std::string base = folder.empty() ? data + "/" + file : data + "/" + folder + "/" + file;
    paths.push_back(base + ".gz");
    paths.push_back(base);
  }
  return paths;
}

std::string find_data_file(const std::string& data, std::span<const std::string> folders,
                           const std::string& file) {
  if (data.empty()) return {};
  for (const std::string& path : candidates(data, folders, file)) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return {};
}

std::string need_data_file(const std::string& data, std::span<const std::string> folders,
                           const std::string& file, const std::string& source, Location where) {
  const std::string found = find_data_file(data, folders, file);
  if (!found.empty()) return found;
  std::string looked = "nowhere: neither an option nor INGRAD_DATA names a folder";
  if (!data.empty()) {
    looked.clear();
    for (const std::string& path : candidates(data, folders, file)) {
      looked += (looked.empty() ? "" : ", ") + path;
    }
  }
  throw Error(
      fmt::format("data file {} is missing; looked at {}; get it from {}", file, looked, source),
      where);
}

}  // namespace ingrad
