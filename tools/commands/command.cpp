// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/command.h"

namespace ingrad::tools {

std::vector<Command> commands() {
  return {demo_command(),    train_command(), evaluate_command(), attribute_command(),
          methods_command(), plan_command(),  models_command(),   datasets_command(),
          ops_command(),     info_command()};
}

}  // namespace ingrad::tools
