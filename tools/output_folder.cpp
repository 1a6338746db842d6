// SPDX-License-Identifier: Apache-2.0
#include "tools/output_folder.h"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "engine/io/file.h"

namespace ingrad::tools {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(const std::string& path) : path_(path) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error || !fs::is_directory(path_)) {
    throw Error(fmt::format("cannot make the folder {}: {}", path_,
                            error ? error.message() : "there is a file of that name"));
  }
}

std::string OutputFolder::at(std::string_view name) const {
  return (fs::path(path_) / name).string();
}

bool OutputFolder::has(std::string_view name) const { return fs::exists(at(name)); }

OutputFolder OutputFolder::sub(std::string_view name) const { return OutputFolder(at(name)); }

void OutputFolder::write(std::string_view name, std::string_view text) const {
  const std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(text))};
  write_file_atomically(at(name), parts);
}

void OutputFolder::write_result(std::string_view name, const Session& session) const {
  write(name, format_json(session.whole_result()));
}

}  // namespace ingrad::tools
