// SPDX-License-Identifier: Apache-2.0
// The folder that a command writes to.
#pragma once

#include <string>
#include <string_view>

#include "tools/session.h"

namespace ingrad::tools {

class OutputFolder {
 public:
  // Made with its parents when missing; Error when that fails.
  explicit OutputFolder(const std::string& path);

  std::string at(std::string_view name) const;
  bool has(std::string_view name) const;
  // The subfolder, made when missing.
  OutputFolder sub(std::string_view name) const;
  // Each replaces the file atomically.
  void write(std::string_view name, std::string_view text) const;
  // The session's result, settings and provenance, as --json prints them.
  void write_result(std::string_view name, const Session& session) const;

 private:
  std::string path_;
};

}  // namespace ingrad::tools
