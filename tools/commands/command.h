// SPDX-License-Identifier: Apache-2.0
// A subcommand: one file in this folder each. A new one is declared here and listed in command.cpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/session.h"

namespace CLI {
class App;
}

namespace ingrad::tools {

struct Command {
  std::string name;
  std::string summary;   // one line
  std::string examples;  // shown at the end of its help
  // Adds its options and returns what runs once they have been read. Settings of the result are
  // taken from the options themselves (Session::settings).
  std::function<void(Session&)> (*declare)(CLI::App& app);
};

Command attribute_command();
Command datasets_command();
Command demo_command();
Command evaluate_command();
Command info_command();
Command methods_command();
Command models_command();
Command ops_command();
Command plan_command();
Command train_command();

// In the order of the help.
std::vector<Command> commands();

}  // namespace ingrad::tools
