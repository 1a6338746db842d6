// SPDX-License-Identifier: Apache-2.0
#include "datasets/catalog.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "datasets/data_folder.h"
#include "engine/suggest.h"
#include "tools/commands/command.h"
#include "tools/table.h"

namespace ingrad::tools {
namespace {

struct Options {
  std::string name, data;
};

Json json_of(const CatalogEntry& e) {
  return {{"name", e.name},          {"present", e.present}, {"counts", e.counts},
          {"sample_shape", e.shape}, {"classes", e.classes}, {"place", e.place},
          {"source", e.source}};
}

void describe(const CatalogEntry& e, Session& session) {
  session.print(fmt::format("{}: {} samples of {}, {}\n", e.name, e.counts, e.shape,
                            e.classes == 0 ? "regression" : fmt::format("{} classes", e.classes)));
  session.print(
      fmt::format("{}{}\n", e.present ? "  read from  " : "  not found; looked for\n  ", e.place));
  session.print(fmt::format("  source     {}\n", e.source));
}

void run(const Options& options, Session& session) {
  Table table({{"data set"},
               {"there"},
               {"train + test"},
               {"sample"},
               {"classes", Align::right},
               {"files"}});
  Json list = Json::array();
  std::vector<std::string> missing, names;
  for (const CatalogEntry& e : catalog(options.data)) {
    names.push_back(e.name);
    if (!options.name.empty() && e.name != options.name) continue;
    list.push_back(json_of(e));
    if (!options.name.empty()) describe(e, session);
    table.add({e.name, e.present ? "yes" : "no", e.counts, e.shape,
               e.classes == 0 ? "-" : fmt::format("{}", e.classes), e.present ? e.place : "-"});
    if (!e.present) missing.push_back(e.name);
  }
  if (list.empty()) {
    throw Error(
        fmt::format("data set '{}' is unknown{}", options.name, did_you_mean(options.name, names)));
  }
  session.result["datasets"] = std::move(list);
  if (!options.name.empty()) return;
  session.print(table.str(terminal_width()));
  session.print("\nfolder:PATH reads pictures (PNG, JPEG), one subfolder per class.\n");
  if (missing.empty()) return;
  const std::string folder = data_folder(options.data);
  session.print(fmt::format(
      "Not found: {}. {}.\n\"ingrad datasets {}\" says where to get it and where it is looked "
      "for.\n",
      fmt::join(missing, ", "),
      folder.empty() ? "Neither --data nor INGRAD_DATA names a folder" : "Looked in " + folder,
      missing.front()));
}

}  // namespace

Command datasets_command() {
  return {"datasets", "Data sets: what is there, where to get the rest",
          "  ingrad datasets\n"
          "  ingrad datasets --data ~/data\n"
          "  ingrad datasets cifar10            where it was looked for, address, checksums",
          [](CLI::App& app) -> std::function<void(Session&)> {
            auto o = std::make_shared<Options>();
            app.add_option("name", o->name, "One data set, in detail")->type_name("NAME");
            app.add_option("--data", o->data, "Folder of data sets; default INGRAD_DATA")
                ->type_name("DIR");
            return [o](Session& session) { run(*o, session); };
          }};
}

}  // namespace ingrad::tools
