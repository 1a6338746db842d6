// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "engine/device.h"
#include "engine/op.h"
#include "engine/suggest.h"
#include "tools/arguments.h"
#include "tools/commands/command.h"
#include "tools/table.h"

namespace ingrad::tools {
namespace {

struct Options {
  std::string filter, cls;
  bool kernels = false;
};

std::string inputs_of(const OpDef& op) {
  if (op.max_inputs < 0) return fmt::format("{}+", op.min_inputs);
  if (op.max_inputs == op.min_inputs) return fmt::format("{}", op.min_inputs);
  return fmt::format("{}-{}", op.min_inputs, op.max_inputs);
}

// The behaviour over all samples of the op: it may depend on the attributes.
std::string rows_of(const OpDef& op) {
  std::vector<std::string> found;
  for (const Sample& sample : op.samples()) {
    std::vector<TensorSpec> specs;
    for (const Tensor& t : sample.inputs) specs.push_back(t.spec());
    const std::string name(name_of(op.batch(sample.attrs, specs)));
    if (std::find(found.begin(), found.end(), name) == found.end()) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  std::string joined;
  for (const std::string& name : found) joined += (joined.empty() ? "" : "|") + name;
  return joined;
}

void list_ops(const Options& options, Session& session) {
  Table table(
      {{"op"}, {"class"}, {"inputs"}, {"gradient"}, {"rows"}, {"kernels"}, {"what it does"}});
  Json list = Json::array();
  for (const OpDef* op : op_table().all()) {
    const std::string cls(name_of(op->cls));
    if (op->name.find(options.filter) == std::string::npos) continue;
    if (!options.cls.empty() && cls != options.cls) continue;
    const std::string rows = rows_of(*op);
    const char* kernels = op->eval != nullptr ? "own" : "of its parts";
    table.add({op->name, cls, inputs_of(*op), op->differentiable() ? "yes" : "no", rows, kernels,
               op->doc});
    list.push_back({{"name", op->name},
                    {"class", cls},
                    {"min_inputs", op->min_inputs},
                    {"max_inputs", op->max_inputs < 0 ? Json() : Json(op->max_inputs)},
                    {"differentiable", op->differentiable()},
                    {"batch", rows},
                    {"own_kernels", op->eval != nullptr},
                    {"doc", op->doc}});
  }
  if (list.empty()) {
    std::vector<std::string> known;
    for (const OpDef* op : op_table().all()) known.push_back(op->name);
    throw Error(fmt::format("no op has '{}' in its name{}{}", options.filter,
                            options.cls.empty() ? "" : " and class " + options.cls,
                            did_you_mean(options.filter, known)));
  }
  session.print(table.str(terminal_width()));
  session.print(
      fmt::format("\n{} ops. rows: per_row ops keep the samples of a batch apart.\n", list.size()));
  session.result["ops"] = std::move(list);
}

// Which (back end, dtype) each family of kernels has.
void list_kernels(const Options& options, Session& session) {
  constexpr std::string_view kBackends[] = {"reference", "cpu", "cuda"};
  const bool has_gpu = device_count() > 0;  // asking enters its kernels
  Table table({{"kernels"}, {"reference"}, {"cpu"}, {"cuda"}});
  Json list = Json::array();
  for (const kernels::FamilyBase* family : kernels::all_families()) {
    if (family->name().find(options.filter) == std::string_view::npos) continue;
    std::vector<std::string> cells{std::string(family->name())};
    Json entry = {{"name", family->name()}};
    for (int b = 0; b < kernels::kBackendCount; ++b) {
      std::vector<std::string_view> dtypes;
      for (int t = 0; t < kernels::kDTypeCount; ++t) {
        const auto dtype = static_cast<DType>(t);
        if (family->has(static_cast<Backend>(b), dtype)) dtypes.push_back(name_of(dtype));
      }
      cells.push_back(dtypes.empty() ? "-" : fmt::format("{}", fmt::join(dtypes, " ")));
      entry[std::string(kBackends[b])] = dtypes;
    }
    table.add(std::move(cells));
    list.push_back(std::move(entry));
  }
  if (list.empty()) {
    throw Error(fmt::format("no family of kernels has '{}' in its name", options.filter));
  }
  session.print(table.str());
  if (!has_gpu) session.print("\ncuda: no GPU here, of which kernels could be listed\n");
  session.result["kernels"] = std::move(list);
}

}  // namespace

Command ops_command() {
  return {"ops", "The ops of the engine: classes, gradients, kernels",
          "  ingrad ops                         all of them\n"
          "  ingrad ops conv                    those with \"conv\" in their name\n"
          "  ingrad ops --class bilinear\n"
          "  ingrad ops --kernels               dtypes that each kernel has, per back end",
          [](CLI::App& app) -> std::function<void(Session&)> {
            auto o = std::make_shared<Options>();
            app.add_option("filter", o->filter, "Part of a name")->type_name("TEXT");
            app.add_option("--class", o->cls, "Only ops of this class")
                ->type_name("NAME")
                ->check(one_of({"elementwise", "linear", "bilinear", "selection", "composite"}));
            app.add_flag("--kernels", o->kernels, "The kernels below the ops instead");
            return [o](Session& session) {
              o->kernels ? list_kernels(*o, session) : list_ops(*o, session);
            };
          }};
}

}  // namespace ingrad::tools
