// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as a question: long computations ask whether they should stop, and leave what they have.
#pragma once

namespace ingrad::tools {

// From its construction until its end, the first SIGINT or SIGTERM only sets a flag; a second one
// ends the program. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  static bool requested();
};

}  // namespace ingrad::tools
