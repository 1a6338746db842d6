// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "engine/suggest.h"
#include "models/catalog.h"
#include "tools/commands/command.h"
#include "tools/table.h"
#include "tools/trained_model.h"

namespace ingrad::tools {
namespace {

struct Options {
  std::string name, file;
};

std::string thousands(std::int64_t n) {
  std::string digits = std::to_string(n);
  for (std::ptrdiff_t i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<std::size_t>(i), ",");
  }
  return digits;
}

// Every parameter and buffer.
void show_state(const Module& model, Session& session) {
  Table table({{"parameter or buffer"}, {"shape"}, {"elements", Align::right}});
  Json list = Json::array();
  for (const auto& [name, tensor] : model.state()) {
    table.add({name, tensor.shape().str(), thousands(tensor.size())});
    list.push_back({{"name", name}, {"shape", tensor.shape().str()}});
  }
  session.print(table.str());
  session.result["state"] = std::move(list);
}

void show_file(const std::string& path, Session& session) {
  const TrainedModel t = load_trained(path);
  session.print(fmt::format("{}: {} for inputs {}, {} outputs, {} parameters\n\n", path,
                            t.spec.text, t.spec.input.str(), t.spec.outputs,
                            thousands(t.model->parameter_count())));
  for (const auto& [key, value] : t.metadata) {
    session.print(fmt::format("  {:22} {}\n", key, value));
    session.result["metadata"][key] = value;
  }
  session.print("\n");
  show_state(*t.model, session);
}

void run(const Options& options, Session& session) {
  if (!options.file.empty()) return show_file(options.file, session);
  Table table({{"model"},
               {"example input"},
               {"outputs", Align::right},
               {"parameters", Align::right},
               {"options"},
               {"what it is"}});
  Json list = Json::array();
  std::vector<std::string> names;
  for (const ModelEntry& e : model_catalog()) {
    names.push_back(e.name);
    if (!options.name.empty() && e.name != options.name) continue;
    const auto model = build_model(e.example);
    const std::int64_t count = model->parameter_count();
    table.add({e.name, e.example.input.str(), fmt::format("{}", e.example.outputs),
               thousands(count), e.options.empty() ? "-" : e.options, e.doc});
    list.push_back({{"name", e.name},
                    {"doc", e.doc},
                    {"options", e.options},
                    {"example", e.example.text},
                    {"input", e.example.input.str()},
                    {"outputs", e.example.outputs},
                    {"parameters", count}});
    if (!options.name.empty()) {
      session.print(
          fmt::format("{}: {}\n  options  {}\n  example  {} for inputs {}, {} outputs: {} "
                      "parameters\n\n",
                      e.name, e.doc, e.options.empty() ? "none" : e.options, e.example.text,
                      e.example.input.str(), e.example.outputs, thousands(count)));
      show_state(*model, session);
    }
  }
  if (list.empty()) {
    throw Error(
        fmt::format("model '{}' is unknown{}", options.name, did_you_mean(options.name, names)));
  }
  session.result["models"] = std::move(list);
  if (options.name.empty()) session.print(table.str(terminal_width()));
}

}  // namespace

Command models_command() {
  return {"models", "The models that can be built by name, and what is in a model's file",
          "  ingrad models\n"
          "  ingrad models resnet18             its options, every parameter with its shape\n"
          "  ingrad models --file out/mnist/model.safetensors",
          [](CLI::App& app) -> std::function<void(Session&)> {
            auto o = std::make_shared<Options>();
            app.add_option("name", o->name, "One model, in detail")->type_name("NAME");
            app.add_option("--file", o->file, "A saved model instead")->type_name("FILE");
            return [o](Session& session) { run(*o, session); };
          }};
}

}  // namespace ingrad::tools
