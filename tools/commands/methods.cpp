// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "tools/commands/command.h"
#include "tools/methods/methods.h"
#include "tools/table.h"

namespace ingrad::tools {
namespace {

Json json_of(const Method& m) {
  return {{"name", m.name},     {"title", m.title},   {"family", m.family},
          {"doc", m.doc},       {"use_when", m.when}, {"cost", m.cost},
          {"axioms", m.axioms}, {"needs", m.needs},   {"complete", m.complete}};
}

void show(const Method& m, Session& session) {
  session.print(fmt::format("{} ({})\n\n", m.title, m.name));
  Table table({{"what"}, {"answer"}});
  table.add({"computes", m.doc});
  table.add({"use it", m.when});
  table.add({"cost per sample", m.cost});
  table.add({"axioms", m.axioms});
  table.add({"needs", m.needs.empty() ? "nothing" : m.needs});
  table.add({"family", m.family});
  session.print(table.str(terminal_width()));
}

void run(const std::string& name, Session& session) {
  Json list = Json::array();
  if (name.empty()) {
    Table table({{"method"}, {"family"}, {"cost per sample"}, {"complete"}, {"use it"}});
    for (const Method& m : methods()) {
      table.add({m.name, m.family, m.cost, m.complete ? "yes" : "-", m.when});
      list.push_back(json_of(m));
    }
    session.print(table.str(terminal_width()));
    session.print(
        "\nCost: F forward evaluations, G forward and backward ones; n steps, m draws,\n"
        "B baselines, M features, C channels of a layer.\n");
  } else {
    bool first = true;
    for (const auto& [m, by_name] : parse_methods(name)) {
      if (!first) session.print("\n");
      first = false;
      show(*m, session);
      list.push_back(json_of(*m));
    }
  }
  session.result["methods"] = std::move(list);
}

}  // namespace

Command methods_command() {
  return {"methods", "The explainers: what each computes, costs, promises and needs",
          "  ingrad methods\n"
          "  ingrad methods integrated_gradients\n"
          "  ingrad methods paths --json         a whole family",
          [](CLI::App& app) -> std::function<void(Session&)> {
            auto name = std::make_shared<std::string>();
            app.add_option("name", *name, "Methods or families, in detail")->type_name("A,B");
            return [name](Session& session) { run(*name, session); };
          }};
}

}  // namespace ingrad::tools
