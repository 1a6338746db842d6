// SPDX-License-Identifier: Apache-2.0
// One run of a command: the options that all commands share, where output goes, and what every
// result says about how it came about.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/spec.h"

namespace ingrad::tools {

// Keeps the order of its keys.
using Json = nlohmann::ordered_json;
// Without line breaks inside rows of numbers; text that is not UTF-8 is repaired; NaN becomes null.
std::string format_json(const Json& value);

// "0.1.0"
std::string_view version();

struct CommonOptions {
  bool json = false;       // one JSON object on stdout instead of text
  bool quiet = false;      // no progress and no remarks
  int threads = 0;         // 0: OMP_NUM_THREADS or all cores
  std::uint64_t seed = 0;  // of everything that is drawn at random
};

class Session {
 public:
  explicit Session(std::string command) : command_(std::move(command)) {}

  CommonOptions common;
  Json settings = Json::object();  // every option with its value, filled in before the command runs
  Json result = Json::object();    // the command's own keys of the JSON object
  std::int64_t rows = 0;           // samples that were evaluated, counted by the command

  // The device that an option --device names, on which the rest of the command computes; Error
  // where it is not there.
  Device use_device(const std::string& name);

  const std::string& command() const { return command_; }
  double seconds() const;

  // A part of the result as text, on stdout; nothing under --json.
  void print(std::string_view text) const;
  // A remark, on stderr; nothing under --json and --quiet.
  void note(std::string_view text) const;

  // Version, seed, device, instruction set, threads, seconds so far, rows evaluated.
  Json provenance() const;
  // The same as one line of text.
  std::string provenance_line() const;

  // The JSON object: command, result, settings, provenance.
  Json whole_result() const;

  // Prints the JSON object, or the provenance of results that come from evaluated rows. Error if
  // stdout did not take all that was printed.
  void finish() const;

 private:
  std::string command_;
  Device device_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace ingrad::tools
