// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/reduce.h"
#include "engine/plan/plan.h"
#include "engine/random.h"
#include "models/catalog.h"
#include "tools/arguments.h"
#include "tools/commands/command.h"
#include "tools/table.h"
#include "tools/trained_model.h"

namespace ingrad::tools {
namespace {

struct Options {
  std::string model, file, sample, memory, without;
  std::int64_t outputs = 0, rows = 256, tile = 0;
  bool forward = false, print = false, kernels = false;
};

Shape sample_shape(const std::string& text) {
  std::vector<std::int64_t> e;
  std::string number;
  for (const char c : text + "x") {
    if (c != 'x') {
      number += c;
      continue;
    }
    if (number.empty() || number.size() > 9 ||
        number.find_first_not_of("0123456789") != std::string::npos) {
      throw Error(fmt::format("--sample is '{}', expected extents like 3x32x32", text));
    }
    e.push_back(std::stoll(number));
    number.clear();
  }
  return Shape(e);
}

// From a file, or by name with the shape of its example unless another is given.
TrainedModel model_of(const Options& o, std::uint64_t seed) {
  if (!o.file.empty()) return load_trained(o.file);
  TrainedModel t;
  t.spec.text = o.model;
  const std::string name = o.model.substr(0, o.model.find(':'));
  for (const ModelEntry& e : model_catalog()) {
    if (e.name != name) continue;
    t.spec.input = e.example.input;
    t.spec.outputs = e.example.outputs;
    if (o.model == name) t.spec.text = e.example.text;
  }
  if (!o.sample.empty()) t.spec.input = sample_shape(o.sample);
  if (o.outputs > 0) t.spec.outputs = o.outputs;
  t.model = make_model(t.spec, seed);
  return t;
}

// Median of a few runs, after one that warms up.
double seconds_per_run(Workspace& workspace, const std::vector<Tensor>& inputs,
                       const std::vector<Tensor>& results, std::int64_t rows) {
  std::vector<const void*> given;
  std::vector<void*> wanted;
  for (const Tensor& t : inputs) given.push_back(t.raw());
  for (const Tensor& t : results) wanted.push_back(t.mutable_raw());
  std::vector<double> seconds;
  double spent = 0;
  for (int i = 0; i < 200 && (i < 4 || spent < 1); ++i) {
    const auto start = std::chrono::steady_clock::now();
    workspace.run(given, wanted, rows);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    spent += seconds.back();
  }
  seconds.erase(seconds.begin());
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

void run(const Options& o, Session& session) {
  if (o.model.empty() == o.file.empty()) throw Error("give --model NAME or --file FILE");
  const TrainedModel t = model_of(o, session.common.seed);
  PlanOptions options{.tile_rows = o.tile};
  if (!o.memory.empty()) options.memory_bytes = parse_bytes(o.memory, "--memory");
  if (!o.without.empty()) options.without = parse_list(o.without, "--without");
  const std::vector<TensorSpec> specs = {{t.spec.input.with_inserted(0, o.rows), DType::f32, {}},
                                         {Shape{o.rows, 1}, DType::i64, {}}};
  const GraphFn f = [&](std::span<const Tensor> in) {
    const auto logit = [&](const Tensor& x) { return gather((*t.model)(x), 1, in[1]); };
    if (o.forward) return std::vector{logit(in[0])};
    return std::vector{grad([&](const Tensor& x) { return sum(logit(x)); }, in[0])};
  };
  const auto start = std::chrono::steady_clock::now();
  const auto plan = compile(f, specs, options);
  const double built =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Workspace workspace(plan);

  const std::vector<Tensor> inputs = {random_uniform(specs[0].shape, {.seed = session.common.seed}),
                                      Tensor::zeros(specs[1].shape, DType::i64)};
  const std::vector<Tensor> results = workspace.run(inputs);
  const double seconds = seconds_per_run(workspace, inputs, results, o.rows);
  session.rows += o.rows;

  if (o.print) {
    session.print(
        fmt::format("as traced, for {} rows:\n\n{}\n", plan->tile_rows(), plan->traced().str()));
    session.print(fmt::format("after the passes:\n\n{}\n", plan->program().str()));
  }
  if (o.kernels) session.print(plan->kernels() + "\n");
  const std::size_t kernels = plan->tiles().back().instructions.size();
  Table table({{"what"}, {"", Align::right}});
  table.add({"calls as traced", fmt::format("{}", plan->traced().calls.size())});
  table.add({"calls after the passes", fmt::format("{}", plan->program().calls.size())});
  table.add({"kernels per tile", fmt::format("{}", kernels)});
  table.add({"rows per tile", fmt::format("{}", plan->tile_rows())});
  table.add({"working memory per thread", format_bytes(plan->memory_bytes())});
  table.add({"working memory in all", format_bytes(workspace.memory_bytes())});
  table.add({"operations of products per row", fmt::format("{:.4g}", plan->flops())});
  table.add({"time to build it", fmt::format("{:.1f} ms", 1e3 * built)});
  table.add({fmt::format("time for {} rows", o.rows), fmt::format("{:.3f} ms", 1e3 * seconds)});
  table.add(
      {"GFLOP/s, of the traced operations",
       fmt::format("{:.1f}", plan->traced_flops() * static_cast<double>(o.rows) / seconds / 1e9)});
  session.print(table.str());
  session.result = {{"model", t.spec.text},
                    {"input", t.spec.input.str()},
                    {"gradient", !o.forward},
                    {"traced_calls", plan->traced().calls.size()},
                    {"calls", plan->program().calls.size()},
                    {"kernels", kernels},
                    {"tile_rows", plan->tile_rows()},
                    {"bytes_per_thread", plan->memory_bytes()},
                    {"bytes", workspace.memory_bytes()},
                    {"flops_per_row", plan->flops()},
                    {"traced_flops_per_row", plan->traced_flops()},
                    {"build_seconds", built},
                    {"run_rows", o.rows},
                    {"run_seconds", seconds}};
}

}  // namespace

Command plan_command() {
  return {"plan",
          "What the compiler makes of a model's input gradient: program, kernels, memory, time",
          "  ingrad plan --model resnet18:stem=cifar --sample 3x32x32 --rows 16\n"
          "  ingrad plan --model lenet5 --print          the program before and after the passes\n"
          "  ingrad plan --file out/mnist/model.safetensors --kernels\n"
          "  ingrad plan --model cnn3 --without winograd,fuse_epilogues",
          [](CLI::App& app) -> std::function<void(Session&)> {
            auto o = std::make_shared<Options>();
            app.add_option("--model", o->model, "A model of \"ingrad models\", with options")
                ->type_name("TEXT");
            app.add_option("--file", o->file, "Or a saved one")->type_name("FILE");
            app.add_option("--sample", o->sample, "Extents of a sample; default: the example's")
                ->type_name("CxHxW");
            app.add_option("--outputs", o->outputs, "Classes; default: the example's")
                ->type_name("N")
                ->check(integer_in(1, 1 << 24));
            app.add_option("--rows", o->rows, "Rows, at most")
                ->type_name("N")
                ->check(integer_in(1, 1 << 24));
            app.add_option("--tile", o->tile, "Rows at a time, a power of two; 0: chosen")
                ->type_name("N")
                ->check(integer_in(0, 1 << 24));
            app.add_option("--memory", o->memory, "Most working memory of a thread: 8MB, 2GiB")
                ->type_name("BYTES");
            std::vector<std::string> names;
            for (const std::string_view pass : pass_names()) names.emplace_back(pass);
            app.add_option("--without", o->without,
                           fmt::format("Passes to leave out, of {}", listed(names)))
                ->type_name("A,B");
            app.add_flag("--forward", o->forward, "Only the logit, without its gradient");
            app.add_flag("--print", o->print, "The program before and after the passes");
            app.add_flag("--kernels", o->kernels, "Every kernel of a tile");
            return [o](Session& session) { run(*o, session); };
          }};
}

}  // namespace ingrad::tools
