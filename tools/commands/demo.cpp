// SPDX-License-Identifier: Apache-2.0
// The main job: a standard and a robust network on BlockMNIST, explained by every method, and how
// much of each explanation lies where the evidence is.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>

#include "attribution/evaluation/regions.h"
#include "datasets/block_mnist.h"
#include "datasets/catalog.h"
#include "engine/io/npy.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/slice.h"
#include "models/training/evaluate.h"
#include "models/training/trainer.h"
#include "tools/arguments.h"
#include "tools/commands/command.h"
#include "tools/demo_report.h"
#include "tools/explanations.h"
#include "tools/interrupt.h"
#include "tools/output_folder.h"
#include "tools/progress.h"
#include "tools/table.h"
#include "tools/trained_model.h"

namespace ingrad::tools {
namespace {

constexpr const char* kMethods =
    "gradient,gradient_times_input,smooth_grad,smooth_grad_square,var_grad,integrated_gradients";

struct Options {
  std::string data, source = "auto", out = "out/demo", attack = "l2:eps=2,steps=5";
  std::string model = "cnn:width=16,hidden=64";
  std::int64_t train = 12000, test = 1000, keep = 200;
  std::int64_t epochs = 3, robust_epochs = 5;
  int draws = 20, steps = 20;
  bool quick = false;
};

// Of the magnitudes of a picture, those that top_share looks at.
constexpr double kTopFraction = 0.05;

std::string source_name(const Options& o) {
  if (o.source != "auto") return o.source;
  for (const CatalogEntry& e : catalog(o.data)) {
    if (e.name == "mnist" && e.present) return "mnist";
  }
  return "glyphs";
}

BlockMnist blocks(const Options& o, const std::string& source, Split split, std::uint64_t seed) {
  DatasetOptions d;
  d.data = o.data;
  d.count = split == Split::train ? o.train : o.test;
  d.seed = seed;
  BlockMnistOptions b;
  b.seed = 2 * seed + (split == Split::train ? 0 : 1);
  return make_block_mnist(load_dataset(source, split, d), b);
}

class Demo {
 public:
  Demo(const Options& options, Session& session)
      : o_(options),
        session_(session),
        out_(options.out),
        source_(source_name(options)),
        training_(blocks(options, source_, Split::train, session.common.seed)),
        test_(blocks(options, source_, Split::test, session.common.seed)) {}

  void run() {
    session_.note(fmt::format("BlockMNIST over {}: {} training and {} test images of 56 x 28",
                              source_, training_.dataset.size(), test_.dataset.size()));
    const TrainedModel standard = fit("standard", "", o_.epochs);
    const TrainedModel robust = fit("robust", o_.attack, o_.robust_epochs);
    DemoResult result;
    result.source = source_;
    result.attack = o_.attack;
    result.images = float_inputs(test_.dataset);
    result.mask = test_.mask;
    result.labels = test_.dataset.labels.to_vector<std::int64_t>();
    result.models = {measure("standard", standard), measure("robust", robust)};
    for (const Planned& p : plan()) explain_both(p, standard, robust, result);
    write(result, standard, robust);
  }

 private:
  struct Planned {
    std::string name, title, method;
    MethodSettings settings;
  };

  std::vector<Planned> plan() const {
    MethodSettings s;
    s.draws = o_.draws;
    s.steps = o_.steps;
    s.seed = session_.common.seed;
    std::vector<Planned> all;
    for (const auto& [m, by_name] : parse_methods(kMethods)) {
      all.push_back({m->name, m->title, m->name, s});
    }
    MethodSettings trapezoid = s, adaptive = s;
    trapezoid.rule = "trapezoid";
    adaptive.rule = "adaptive";
    adaptive.tolerance = 1e-2;
    adaptive.steps = 81;
    all.push_back({"integrated_gradients_trapezoid", "Integrated Gradients, trapezoid",
                   "integrated_gradients", trapezoid});
    all.push_back({"integrated_gradients_adaptive", "Integrated Gradients, adaptive",
                   "integrated_gradients", adaptive});
    return all;
  }

  TrainedModel fit(const std::string& name, const std::string& attack, std::int64_t epochs) {
    TrainedModel t;
    t.spec = {o_.model, training_.dataset.sample_shape(),
              static_cast<std::int64_t>(training_.dataset.classes.size())};
    t.model = make_model(t.spec, session_.common.seed);
    t.classes = training_.dataset.classes;
    LoaderOptions l;
    l.batch_size = 64;
    l.shuffle = true;
    l.seed = session_.common.seed;
    const Loader loader(training_.dataset, l);
    TrainOptions options;
    options.epochs = epochs;
    options.seed = session_.common.seed;
    options.optimizer = "adamw:lr=0.002";
    options.schedule = "onecycle:max=0.002";
    if (!attack.empty()) {
      options.adversarial = make_attack(attack);
      options.adversarial->domain = domain_of({}, true);
    }
    options.settings = {{"data", training_.dataset.provenance}, {"model", o_.model}};
    // A run that was cut off goes on; one with other settings does not meet its state.
    const std::string key = fmt::format("{} {} {} {} {} {}", name, attack, epochs, o_.train,
                                        o_.model, session_.common.seed);
    const std::string state = out_.at(
        fmt::format("{}.{:016x}.state", name, stream_of(key + training_.dataset.provenance)));
    options.checkpoint = {.path = state, .every_seconds = 10, .resume = true};
    const Interrupt interrupt;
    std::optional<Progress> bar;
    TrainCallbacks calls;
    calls.step = [&](const StepReport& r) {
      const std::int64_t size = l.batch_size;
      if (!bar) {
        bar.emplace(session_, fmt::format("training the {} network", name), r.steps * size,
                    "images", (r.step - 1) * size);
      }
      bar->update(r.step * size, fmt::format("loss {:.3f}", r.epoch_so_far.loss));
      session_.rows += size;
    };
    calls.should_stop = [] { return Interrupt::requested(); };
    const TrainResult result = train(*t.model, batches_of(loader), nullptr, options, calls);
    if (result.interrupted) {
      throw Error(
          fmt::format("stopped while training the {} network; the same command goes on "
                      "where it was",
                      name));
    }
    states_.push_back(state);
    return t;
  }

  DemoModel measure(const std::string& name, const TrainedModel& t) {
    const auto accuracy = [&](const Dataset& d, const std::string& attack) {
      LoaderOptions l;
      l.batch_size = 250;
      const Loader loader(d, l);
      EvaluateOptions e;
      if (!attack.empty()) {
        e.attack = make_attack(attack);
        e.attack->seed = session_.common.seed;
        e.attack->domain = domain_of({}, true);
      }
      session_.rows += d.size();
      return evaluate(as_function(*t.model), batches_of(loader), e).accuracy;
    };
    return {name, accuracy(test_.dataset, ""), accuracy(test_.dataset, o_.attack),
            accuracy(without_null_block(test_), "")};
  }

  void explain_both(const Planned& p, const TrainedModel& standard, const TrainedModel& robust,
                    DemoResult& result) {
    DemoRow row;
    row.name = p.name;
    row.title = p.title;
    for (const TrainedModel* t : {&standard, &robust}) {
      Explanation e = explain(session_, p.title, find_method(p.method), p.settings,
                              as_function(*t->model), result.images, {});
      e.name = p.name;
      row.share.push_back(share_in_mask(e.result.values, result.mask));
      row.top_share.push_back(top_share_in_mask(e.result.values, result.mask, kTopFraction));
      row.explanations.push_back(std::move(e));
    }
    result.rows.push_back(std::move(row));
  }

  void write(const DemoResult& r, const TrainedModel& standard, const TrainedModel& robust) {
    const std::map<std::string, std::string> more = {
        {"dataset", test_.dataset.provenance}, {"seed", std::to_string(session_.common.seed)}};
    save_trained(out_.at("model.safetensors"), standard, more);
    save_trained(out_.at("model_robust.safetensors"), robust, more);
    write_arrays(r);
    session_.result = json_of(r);
    const Table table = table_of(r);
    for (const DemoModel& m : r.models) {
      session_.print(
          fmt::format("{:9} network: accuracy {:.1f}%, under {} {:.1f}%, without the null "
                      "block {:.1f}%\n",
                      m.name, 100 * m.accuracy, o_.attack, 100 * m.robust_accuracy,
                      100 * m.accuracy_without_null));
    }
    session_.print("\n" + table.str(terminal_width()));
    out_.write("report.html", demo_page(r, session_));
    out_.write("table.csv", table.csv());
    out_.write_result("result.json", session_);
    session_.print(
        fmt::format("\nThe share of |attribution| in the half of the picture that holds "
                    "the digit; half of the area is 50%.\nwritten: {}\n",
                    out_.at("report.html")));
    for (const std::string& state : states_) std::filesystem::remove(state);
  }

  void write_arrays(const DemoResult& r) const {
    const std::int64_t kept = std::min(o_.keep, r.images.dim(0));
    const auto first = [&](const Tensor& t) { return narrow(t, 0, 0, kept); };
    NamedTensors arrays = {{"images", first(test_.dataset.inputs)},
                           {"mask", first(r.mask)},
                           {"labels", first(test_.dataset.labels)}};
    for (const DemoRow& row : r.rows) {
      for (std::size_t m = 0; m < r.models.size(); ++m) {
        const std::string name = r.models[m].name + "." + row.name;
        const Attribution& a = row.explanations[m].result;
        arrays.push_back({name, first(a.values)});
        arrays.push_back({name + ".targets", first(Tensor::from(a.targets, {r.images.dim(0)}))});
        arrays.push_back({name + ".share", Tensor::from(row.share[m].share, {r.images.dim(0)})});
      }
    }
    write_npz(out_.at("attributions.npz"), arrays);
  }

  const Options& o_;
  Session& session_;
  OutputFolder out_;
  std::string source_;
  BlockMnist training_, test_;
  std::vector<std::string> states_;
};

void declare_options(CLI::App& app, Options& o) {
  app.add_option("--data", o.data, "Folder of data sets; default INGRAD_DATA")->type_name("DIR");
  app.add_option(
         "--source", o.source,
         "28 x 28 pictures for the signal block: mnist, fashion-mnist, glyphs; auto: mnist if "
         "it is there, else glyphs")
      ->type_name("NAME");
  app.add_option("--out", o.out, "Folder for the results")->type_name("DIR");
  app.add_option("--model", o.model, "A model with options: \"ingrad models\"")->type_name("TEXT");
  app.add_option("--attack", o.attack, "What the robust network is trained on")->type_name("TEXT");
  app.add_option("--train", o.train, "Training images")
      ->type_name("N")
      ->check(integer_in(1, 1000000));
  app.add_option("--test", o.test, "Test images to explain")
      ->type_name("N")
      ->check(integer_in(1, 1000000));
  app.add_option("--epochs", o.epochs, "Of the standard network")
      ->type_name("N")
      ->check(integer_in(1, 10000));
  app.add_option("--robust-epochs", o.robust_epochs, "Of the robust network")
      ->type_name("N")
      ->check(integer_in(1, 10000));
  app.add_option("--draws", o.draws, "Noisy copies, of SmoothGrad and its kin")
      ->type_name("N")
      ->check(integer_in(2, 100000));
  app.add_option("--steps", o.steps, "Nodes, of Integrated Gradients")
      ->type_name("N")
      ->check(integer_in(2, 100000));
  app.add_option("--keep", o.keep, "Images whose attributions are written to attributions.npz")
      ->type_name("N")
      ->check(integer_in(0, 1000000));
  app.add_flag("--quick", o.quick, "Everything in a few seconds, with figures that mean little");
}

}  // namespace

Command demo_command() {
  return {"demo", "The whole story: a standard and a robust network, explained by every method",
          "  ingrad demo                        in out/demo: report.html, arrays, models\n"
          "  ingrad demo --source fashion-mnist --seed 3 --out out/fashion\n"
          "  ingrad demo --test 10000 --draws 50 --steps 50",
          [](CLI::App& app) -> std::function<void(Session&)> {
            auto o = std::make_shared<Options>();
            declare_options(app, *o);
            return [o](Session& session) {
              if (o->quick) {
                o->train = std::min<std::int64_t>(o->train, 640);
                o->test = std::min<std::int64_t>(o->test, 24);
                o->epochs = o->robust_epochs = 1;
                o->draws = o->steps = 5;
              }
              Demo(*o, session).run();
            };
          }};
}

}  // namespace ingrad::tools
