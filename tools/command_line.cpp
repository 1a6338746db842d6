// SPDX-License-Identifier: Apache-2.0
#include "tools/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "engine/error.h"
#include "engine/parallel.h"
#include "engine/suggest.h"
#include "kernels/kernel.h"
#include "tools/arguments.h"
#include "tools/commands/command.h"
#include "tools/help.h"

namespace ingrad::tools {
namespace {

constexpr const char* kExamples = R"(Examples:
  ingrad demo --out out/demo                   the whole story in a few minutes, without any data
  ingrad train --dataset mnist --model cnn --out out/mnist
  ingrad attribute --model out/mnist/model.safetensors --dataset mnist --out out/maps
  ingrad ops conv                              ops whose name contains "conv"

"ingrad COMMAND --help" explains a command. Data sets are looked for in --data or INGRAD_DATA.)";

void add_common_options(CLI::App& app, CommonOptions& common) {
  const char* group = "Options of every command";
  app.add_flag("--json", common.json, "Print one JSON object instead of text")->group(group);
  app.add_flag("-q,--quiet", common.quiet, "No progress and no remarks")->group(group);
  app.add_option("--threads", common.threads, "Threads; 0: OMP_NUM_THREADS or all cores")
      ->type_name("N")
      ->check(integer_in(0, 4096))
      ->group(group);
  app.add_option("--seed", common.seed, "Seed of everything that is drawn at random")
      ->type_name("N")
      ->check(integer_in(0, INT64_MAX))
      ->group(group);
}

Json value_of(const std::string& text) {
  const Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_number() ? parsed : Json(text);
}

// Every option of the command with the value that it has.
Json settings_of(const CLI::App& app) {
  Json settings = Json::object();
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_single_name();
    if (name == "help" || name == "json" || name == "quiet") continue;
    if (option->get_expected_max() == 0) {
      settings[name] = option->count() > 0;
    } else if (option->count() == 0) {
      settings[name] = value_of(option->get_default_str());
    } else if (option->get_expected_max() == 1) {
      settings[name] = value_of(option->results().back());
    } else {
      settings[name] = option->results();
    }
  }
  return settings;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

// What is wrong with the command line, as one line without "ingrad COMMAND: ".
std::string explain(const CLI::ParseError& error, const CLI::App& root, const CLI::App* command) {
  const CLI::App& app = command == nullptr ? root : *command;
  std::vector<std::string> left = app.remaining();
  if (left.empty()) left = root.remaining();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !left.empty()) {
    const std::string word = left.front().substr(0, left.front().find('='));
    if (word.size() > 1 && word[0] == '-') {
      return fmt::format("unknown option {}{}", word, did_you_mean(word, option_names(app)));
    }
    if (command != nullptr) return fmt::format("unexpected argument '{}'", word);
    std::vector<std::string> names;
    for (const Command& c : commands()) names.push_back(c.name);
    return fmt::format("unknown command '{}'{}", word, did_you_mean(word, names));
  }
  std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

void set_up(const CommonOptions& common) {
  const char* isa = std::getenv("INGRAD_ISA");
  if (isa != nullptr && *isa != '\0' && !kernels::force_isa(isa)) {
    std::string known;
    for (const std::string_view name : kernels::supported_isas())
      known += fmt::format("{}, ", name);
    throw Error(fmt::format("INGRAD_ISA is '{}', expected {}or auto on this machine", isa, known));
  }
  set_threads(common.threads);
}

int fail(int code, const std::string& name, std::string_view message) {
  fmt::print(stderr, "ingrad{}{}: {}\n", name.empty() ? "" : " ", name, message);
  return code;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app(
      "Train models, explain them by their input gradients, and measure the explanations.");
  app.name("ingrad");
  app.footer(kExamples);
  app.set_version_flag("--version", fmt::format("ingrad {}", version()), "Print the version");
  app.set_help_flag("-h,--help", "Print this help");
  app.formatter(std::make_shared<HelpFormatter>());
  app.option_defaults()->always_capture_default()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);

  CommonOptions common;
  std::vector<std::pair<CLI::App*, std::function<void(Session&)>>> runs;
  for (const Command& c : commands()) {
    CLI::App* sub = app.add_subcommand(c.name, c.summary);
    sub->group("Commands");
    sub->footer("Examples:\n" + c.examples);
    runs.emplace_back(sub, c.declare(*sub));
    add_common_options(*sub, common);
  }

  const CLI::App* chosen = nullptr;
  std::string name;
  try {
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app.exit(error);  // help and version
      if (!app.get_subcommands().empty()) chosen = app.get_subcommands().front();
      if (chosen != nullptr) name = chosen->get_name();
      return fail(kExitBadInput, name, explain(error, app, chosen));
    }
    for (const auto& [sub, run] : runs) {
      if (!sub->parsed()) continue;
      name = sub->get_name();
      set_up(common);
      Session session(name);
      session.common = common;
      session.settings = settings_of(*sub);
      run(session);
      session.finish();
      return 0;
    }
    return fail(kExitBadInput, "", "a command is expected; see ingrad --help");
  } catch (const Error& error) {
    return fail(kExitBadInput, name, error.message());
  } catch (const std::bad_alloc&) {
    return fail(kExitBadInput, name, "out of memory");
  } catch (const std::exception& error) {
    return fail(kExitDefect, name, fmt::format("defect of the program: {}", error.what()));
  }
}

}  // namespace ingrad::tools
