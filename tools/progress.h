// SPDX-License-Identifier: Apache-2.0
// How far a long computation has come, on stderr: a bar with rate and time left on a terminal, a
// plain line now and then elsewhere. What is over within two seconds shows nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tools/session.h"

namespace ingrad::tools {

// "training  [=====>     ]  45%  1230 rows/s  0:12 left  loss 0.12", at most `width` characters.
struct ProgressState {
  std::string what, unit;
  std::int64_t done = 0, total = 0;
  double seconds = 0;      // since `first`
  std::int64_t first = 0;  // of the units: done before this run
  std::string extra = {};  // shown at the end: "loss 0.12"
};
std::string progress_bar(const ProgressState& state, std::size_t width);
std::string progress_line(const ProgressState& state);

// "0:07", "12:30", "3:05:00"
std::string format_duration(double seconds);

class Progress {
 public:
  // Counts `unit`s up to `total`; a resumed computation starts at `first`. Shows nothing under
  // --json and --quiet.
  Progress(const Session& session, std::string what, std::int64_t total, std::string unit = "rows",
           std::int64_t first = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t done, const std::string& extra = {});

 private:
  using Clock = std::chrono::steady_clock;
  bool shown_, terminal_;
  bool drawn_ = false;
  ProgressState state_;
  Clock::time_point start_ = Clock::now(), next_;
  double pause_;
};

}  // namespace ingrad::tools
