// SPDX-License-Identifier: Apache-2.0
// The layout of the help texts.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace ingrad::tools {

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  // "--steps N", and the default after the description.
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

}  // namespace ingrad::tools
