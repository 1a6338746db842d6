// SPDX-License-Identifier: Apache-2.0
// The command line of `ingrad`: what all commands have in common.
//   exit code 0: done; 2: bad input, with one line "ingrad COMMAND: message" on stderr;
//   1: a defect of the program.
//   stdout carries results (with --json one JSON object and nothing else), stderr everything else.
#pragma once

namespace ingrad::tools {

inline constexpr int kExitBadInput = 2;
inline constexpr int kExitDefect = 1;

int run_command_line(int argc, char** argv);

}  // namespace ingrad::tools
