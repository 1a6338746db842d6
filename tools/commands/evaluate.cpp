// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "datasets/catalog.h"
#include "models/training/evaluate.h"
#include "tools/arguments.h"
#include "tools/commands/command.h"
#include "tools/progress.h"
#include "tools/table.h"
#include "tools/trained_model.h"

namespace ingrad::tools {
namespace {

struct Options {
  std::string model, dataset, data, split = "test", adversarial, device = "cpu";
  std::int64_t batch = 500, count = 0;
};

// How often class `row` was taken for class `column`; outputs with a NaN are of no class.
class Confusion {
 public:
  explicit Confusion(std::size_t classes)
      : n_(classes), counts_(classes * classes), unclassified_(classes) {}

  void add(const Batch& batch, const Tensor& outputs) {
    const auto targets = batch.targets.to_vector<std::int64_t>();
    const auto z = outputs.to_vector<float>();
    for (std::size_t r = 0; r < targets.size(); ++r) {
      const auto row = z.begin() + static_cast<std::ptrdiff_t>(r * n_);
      const auto end = row + static_cast<std::ptrdiff_t>(n_);
      const auto target = static_cast<std::size_t>(targets[r]);
      if (std::any_of(row, end, [](float v) { return std::isnan(v); })) {
        ++unclassified_[target];
      } else {
        ++counts_[target * n_ + static_cast<std::size_t>(std::max_element(row, end) - row)];
      }
    }
  }
  std::int64_t at(std::size_t row, std::size_t column) const { return counts_[row * n_ + column]; }
  std::int64_t unclassified(std::size_t row) const { return unclassified_[row]; }

 private:
  std::size_t n_;
  std::vector<std::int64_t> counts_;
  std::vector<std::int64_t> unclassified_;
};

std::string ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.2f}%",
                                  100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void print_classes(const Confusion& c, const std::vector<std::string>& names, Session& session) {
  const std::size_t n = names.size();
  Table table({{"class"},
               {"samples", Align::right},
               {"recall", Align::right},
               {"precision", Align::right}});
  Json list = Json::array();
  std::int64_t unclassified = 0;
  for (std::size_t k = 0; k < n; ++k) {
    std::int64_t samples = c.unclassified(k), taken = 0;
    for (std::size_t j = 0; j < n; ++j) {
      samples += c.at(k, j);
      taken += c.at(j, k);
    }
    table.add({names[k], fmt::format("{}", samples), ratio(c.at(k, k), samples),
               ratio(c.at(k, k), taken)});
    Json row = Json::array();
    for (std::size_t j = 0; j < n; ++j) row.push_back(c.at(k, j));
    list.push_back({{"class", names[k]}, {"samples", samples}, {"taken_for", row}});
    unclassified += c.unclassified(k);
  }
  session.print("\n" + table.str());
  if (unclassified > 0) {
    session.print(fmt::format("outputs of {} samples are NaN: of no class\n", unclassified));
  }
  session.result["unclassified"] = unclassified;
  session.result["classes"] = std::move(list);
  if (n > 20) return;
  std::vector<Table::Column> columns{{"true \\ taken for"}};
  for (const std::string& name : names) columns.push_back({name, Align::right});
  Table matrix(columns);
  for (std::size_t k = 0; k < n; ++k) {
    std::vector<std::string> cells{names[k]};
    for (std::size_t j = 0; j < n; ++j) {
      cells.push_back(c.at(k, j) == 0 ? "." : fmt::format("{}", c.at(k, j)));
    }
    matrix.add(std::move(cells));
  }
  session.print("\n" + matrix.str());
}

void run(const Options& o, Session& session) {
  TrainedModel t = load_trained(o.model);
  const Device device = session.use_device(o.device);
  t.to(device);
  // Batches and attacks are on the CPU.
  const auto there = as_function(*t.model);
  const auto model = [&](const Tensor& x) { return there(x.to(device)).to({}); };
  DatasetOptions d;
  d.data = o.data;
  d.count = o.count;
  d.seed = session.common.seed;
  std::string name = o.dataset;
  if (name.empty()) {
    const auto found = t.metadata.find("dataset");
    if (found == t.metadata.end()) throw Error("--dataset is missing; the model's file names none");
    name = found->second;
  }
  const Dataset data = load_dataset(name, o.split == "train" ? Split::train : Split::test, d);
  if (data.sample_shape() != t.spec.input) {
    throw Error(fmt::format("{} takes inputs {}, {} has {}", o.model, t.spec.input.str(), name,
                            data.sample_shape().str()));
  }
  if (data.is_classification() &&
      static_cast<std::int64_t>(data.classes.size()) != t.spec.outputs) {
    throw Error(fmt::format("{} has {} outputs, {} has {} classes", o.model, t.spec.outputs, name,
                            data.classes.size()));
  }
  if (!data.is_classification() && t.spec.outputs != data.labels.dim(1)) {
    throw Error(fmt::format("{} has {} outputs, {} has {} values to predict", o.model,
                            t.spec.outputs, name, data.labels.dim(1)));
  }
  LoaderOptions l;
  l.batch_size = o.batch;
  l.normalization = t.normalization;
  const Loader loader(data, l);
  const BatchSource source = batches_of(loader);

  EvaluateOptions e;
  e.task = data.is_classification() ? Task::classification : Task::regression;
  Confusion confusion(data.classes.size());
  if (data.is_classification()) {
    e.outputs = [&](const Batch& b, const Tensor& outputs) { confusion.add(b, outputs); };
  }
  const auto pass = [&](const char* what, const EvaluateOptions& options) {
    Progress bar(session, what, source.samples, "samples");
    EvaluateOptions shown = options;
    shown.progress = [&](std::int64_t done) {
      bar.update(std::min(done * o.batch, source.samples));
      return true;
    };
    const Metrics m = evaluate(model, source, shown);
    session.rows += m.samples;
    return m;
  };
  const Metrics clean = pass("evaluating", e);
  session.print(
      fmt::format("{} {}, {} samples: loss {:.5f}", name, o.split, clean.samples, clean.loss));
  if (data.is_classification()) {
    session.print(fmt::format(", accuracy {:.2f}%", 100 * clean.accuracy));
    if (!std::isnan(clean.top5)) session.print(fmt::format(", top 5 {:.2f}%", 100 * clean.top5));
  } else {
    session.print(fmt::format(", root mean square error {:.5f}", std::sqrt(clean.loss)));
  }
  session.print("\n");
  session.result["loss"] = clean.loss;
  session.result["accuracy"] = clean.accuracy;
  session.result["top5"] = clean.top5;
  if (!o.adversarial.empty()) {
    EvaluateOptions hostile;
    hostile.task = e.task;
    hostile.attack = make_attack(o.adversarial);
    hostile.attack->seed = session.common.seed;
    hostile.attack->domain = domain_of(t.normalization, data.inputs.rank() == 4);
    const Metrics m = pass("attacking", hostile);
    session.print(fmt::format("under {}: loss {:.5f}, accuracy {:.2f}%\n",
                              describe(*hostile.attack), m.loss, 100 * m.accuracy));
    session.result["robust"] = {
        {"attack", describe(*hostile.attack)}, {"loss", m.loss}, {"accuracy", m.accuracy}};
  }
  if (data.is_classification()) print_classes(confusion, data.classes, session);
}

}  // namespace

Command evaluate_command() {
  return {
      "evaluate", "Accuracy and loss of a model, also under attack",
      "  ingrad evaluate --model out/mnist/model.safetensors\n"
      "  ingrad evaluate --model out/mnist/model.safetensors --adversarial linf:eps=0.1,steps=20\n"
      "  ingrad evaluate --model out/mnist/model.safetensors --dataset glyphs --json",
      [](CLI::App& app) -> std::function<void(Session&)> {
        auto o = std::make_shared<Options>();
        app.add_option("--model", o->model, "A saved model")->type_name("FILE")->required();
        app.add_option("--dataset", o->dataset, "Default: what it was trained on")
            ->type_name("NAME");
        app.add_option("--data", o->data, "Folder of data sets; default INGRAD_DATA")
            ->type_name("DIR");
        app.add_option("--split", o->split, "Which part")
            ->type_name("NAME")
            ->check(one_of({"train", "test"}));
        app.add_option("--count", o->count, "Only the first so many samples; 0: all")
            ->type_name("N")
            ->check(integer_in(0, INT64_MAX));
        app.add_option("--batch-size", o->batch, "Samples at a time")
            ->type_name("N")
            ->check(integer_in(1, 1 << 20));
        app.add_option("--adversarial", o->adversarial,
                       "Also under this attack: fgsm:eps=0.1, linf:eps=8/255,steps=20, l2:eps=2")
            ->type_name("TEXT");
        app.add_option("--device", o->device, "Where the model runs: cpu, cuda, cuda:1")
            ->type_name("NAME");
        return [o](Session& session) { run(*o, session); };
      }};
}

}  // namespace ingrad::tools
