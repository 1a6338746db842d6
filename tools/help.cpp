// SPDX-License-Identifier: Apache-2.0
#include "tools/help.h"

#include <fmt/format.h>

namespace ingrad::tools {

HelpFormatter::HelpFormatter() {
  column_width(28);
  label("Positionals", "Arguments");
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
  for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n")) {
    text.erase(at, 1);
  }
  return text;
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string) const {
  if (app->get_parent() == nullptr) return "\nUsage: ingrad COMMAND [OPTIONS]\n";
  std::string arguments;
  for (const CLI::Option* o : app->get_options()) {
    if (o->get_positional()) arguments += fmt::format(" [{}]", o->get_type_name());
  }
  return fmt::format("\nUsage: ingrad {}{} [OPTIONS]\n", app->get_name(), arguments);
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  return option->get_expected_max() == 0 ? "" : " " + option->get_type_name();
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  const std::string value = option->get_default_str();
  std::string text = option->get_description();
  if (option->get_required()) return text + " (required)";
  if (option->get_expected_max() == 0 || value.empty()) return text;
  return fmt::format("{} (default {})", text, value);
}

}  // namespace ingrad::tools
