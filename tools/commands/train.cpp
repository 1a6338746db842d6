// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "datasets/catalog.h"
#include "engine/option_text.h"
#include "models/training/evaluate.h"
#include "models/training/trainer.h"
#include "tools/arguments.h"
#include "tools/commands/command.h"
#include "tools/interrupt.h"
#include "tools/output_folder.h"
#include "tools/progress.h"
#include "tools/table.h"
#include "tools/trained_model.h"

namespace ingrad::tools {
namespace {

constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kBestFile = "best.safetensors";
constexpr const char* kStateFile = "last.safetensors";

struct Options {
  std::string dataset = "glyphs", data, model = "cnn", out = "out/train";
  std::string optimizer = "adamw:lr=0.002", schedule = "onecycle:max=0.002";
  std::string augment, adversarial, monitor = "automatic", execution = "plan";
  std::int64_t epochs = 3, batch = 128, count = 0, patience = 0;
  double validation = 0.05, clip_norm = 0, smoothing = 0, average = 0, fraction = 1;
  double save_seconds = 30;
  bool resume = false, raw = false;
};

// "crop=4,flip"
Augmentation parse_augmentation(const std::string& text) {
  if (text.empty()) return {};
  OptionText t("augment:" + text);
  Augmentation a;
  a.crop_padding = t.integer("crop", 0);
  a.horizontal_flip = t.flag("flip");
  t.finish();
  return a;
}

template <class E>
E named(const char* option, const std::string& name, std::initializer_list<E> all) {
  for (const E e : all) {
    if (name_of(e) == name) return e;
  }
  throw Error(fmt::format("{} {} is unknown", option, name));
}

TrainOptions train_options(const Options& o, const Session& session, const TrainedModel& model,
                           bool classification, bool pictures) {
  TrainOptions t;
  t.task = classification ? Task::classification : Task::regression;
  t.epochs = o.epochs;
  t.seed = session.common.seed;
  t.optimizer = o.optimizer;
  t.schedule = o.schedule;
  t.clip_norm = o.clip_norm;
  t.label_smoothing = o.smoothing;
  t.average_decay = o.average;
  t.monitor =
      named("--monitor", o.monitor,
            {Monitor::automatic, Monitor::loss, Monitor::accuracy, Monitor::robust_accuracy});
  t.execution = named("--execution", o.execution,
                      {Execution::plan, Execution::exact_plan, Execution::op_by_op});
  t.patience = o.patience;
  if (!o.adversarial.empty()) {
    t.adversarial = make_attack(o.adversarial);
    t.adversarial->domain = domain_of(model.normalization, pictures);
    t.adversarial_fraction = o.fraction;
    t.validation_attack = t.adversarial;
  }
  t.settings = {{"dataset", o.dataset},
                {"count", std::to_string(o.count)},
                {"batch_size", std::to_string(o.batch)},
                {"augment", o.augment},
                {"normalize", o.raw ? "no" : "yes"},
                {"validation_fraction", fmt::format("{}", o.validation)}};
  return t;
}

std::string percent(double v) { return std::isnan(v) ? "-" : fmt::format("{:.2f}%", 100 * v); }

Table history_table(const TrainResult& result) {
  Table table({{"epoch", Align::right},
               {"rate", Align::right},
               {"loss", Align::right},
               {"accuracy", Align::right},
               {"validation_loss", Align::right},
               {"validation_accuracy", Align::right},
               {"robust_accuracy", Align::right}});
  const auto number = [](double v) { return std::isnan(v) ? "" : fmt::format("{:.6g}", v); };
  for (const EpochRecord& r : result.history) {
    table.add({fmt::format("{}", r.epoch + 1), number(r.rate), number(r.training.loss),
               number(r.training.accuracy), number(r.validation.loss),
               number(r.validation.accuracy), number(r.robust.accuracy)});
  }
  return table;
}

class TrainCommand {
 public:
  TrainCommand(const Options& options, Session& session)
      : o_(options),
        session_(session),
        augmentation_(parse_augmentation(options.augment)),
        out_(options.out) {}

  void run() {
    Dataset whole = load(Split::train);
    const bool pictures = whole.inputs.rank() == 4;
    Dataset held_out;
    if (o_.validation > 0) {
      std::tie(held_out, whole) =
          split_rows(whole, o_.validation, session_.common.seed, whole.is_classification());
      if (held_out.size() == 0 || whole.size() == 0) {
        throw Error(fmt::format(
            "--validation-fraction {} of {} samples leaves {} to train on and {} "
            "to validate with",
            o_.validation, held_out.size() + whole.size(), whole.size(), held_out.size()));
      }
    }
    prepare(whole);
    const Loader training(whole, loader_options(true));
    std::optional<Loader> validation;
    if (o_.validation > 0) validation.emplace(held_out, loader_options(false));
    TrainOptions t = train_options(o_, session_, trained_, whole.is_classification(), pictures);
    t.checkpoint = {
        .path = out_.at(kStateFile), .every_seconds = o_.save_seconds, .resume = o_.resume};
    session_.note(fmt::format("{}: {} training samples, {} for validation; {} ({} parameters)",
                              whole.name, whole.size(),
                              held_out.inputs.defined() ? held_out.size() : 0, trained_.spec.text,
                              trained_.model->parameter_count()));
    const TrainResult result = fit(t, training, validation);
    out_.write("history.csv", history_table(result).csv());
    if (result.interrupted) {
      throw Error(
          fmt::format("stopped after step {}; \"ingrad train\" with the same options and "
                      "--resume goes on from {}",
                      result.steps, out_.at(kStateFile)));
    }
    save(kModelFile, result);
    report(t, result, pictures);
  }

 private:
  Dataset load(Split split) const {
    DatasetOptions d;
    d.data = o_.data;
    d.count = o_.count;
    d.seed = session_.common.seed;
    return load_dataset(o_.dataset, split, d);
  }

  void prepare(const Dataset& d) {
    trained_.spec = {o_.model, d.sample_shape(),
                     d.is_classification() ? static_cast<std::int64_t>(d.classes.size()) : 1};
    trained_.model = make_model(trained_.spec, session_.common.seed);
    trained_.classes = d.classes;
    if (!o_.raw) trained_.normalization = channel_statistics(d);
  }

  LoaderOptions loader_options(bool training) const {
    LoaderOptions l;
    l.batch_size = training ? o_.batch : 500;
    l.shuffle = training;
    l.drop_last = false;
    l.seed = session_.common.seed;
    l.normalization = trained_.normalization;
    if (training) l.augmentation = augmentation_;
    return l;
  }

  TrainResult fit(const TrainOptions& t, const Loader& training,
                  const std::optional<Loader>& validation) {
    const BatchSource source = batches_of(training);
    std::optional<BatchSource> held_out;
    if (validation) held_out = batches_of(*validation);
    const Interrupt interrupt;
    std::optional<Progress> bar;
    TrainCallbacks calls;
    calls.step = [&](const StepReport& r) {
      const std::int64_t size = o_.batch;
      if (!bar) bar.emplace(session_, "training", r.steps * size, "samples", (r.step - 1) * size);
      bar->update(r.step * size,
                  fmt::format("epoch {}/{}, loss {:.4f}, accuracy {}", r.epoch + 1, r.epochs,
                              r.epoch_so_far.loss, percent(r.epoch_so_far.accuracy)));
    };
    calls.epoch = [&](const EpochReport& r) {
      const EpochRecord& e = r.record;
      session_.rows += e.training.samples + e.validation.samples;
      bar.reset();
      session_.note(fmt::format(
          "epoch {}/{}: loss {:.4f}, accuracy {}; validation loss {:.4f}, accuracy {}{}; {:.0f} "
          "samples/s{}",
          e.epoch + 1, t.epochs, e.training.loss, percent(e.training.accuracy), e.validation.loss,
          percent(e.validation.accuracy),
          e.robust.samples > 0 ? fmt::format(", robust {}", percent(e.robust.accuracy)) : "",
          r.samples_per_second, r.best ? "  (best)" : ""));
      if (r.best) save_trained(out_.at(kBestFile), trained_, {{"dataset", o_.dataset}});
    };
    calls.should_stop = [] { return Interrupt::requested(); };
    return train(*trained_.model, source, held_out ? &*held_out : nullptr, t, calls);
  }

  void save(const char* name, const TrainResult& result) const {
    save_trained(out_.at(name), trained_,
                 {{"dataset", o_.dataset},
                  {"seed", std::to_string(session_.common.seed)},
                  {"steps", std::to_string(result.steps)},
                  {"ingrad", std::string(version())}});
  }

  void report(const TrainOptions& t, const TrainResult& result, bool pictures) {
    const Dataset test = load(Split::test);
    const Loader loader(test, loader_options(false));
    EvaluateOptions e;
    e.task = t.task;
    const Metrics m = evaluate(as_function(*trained_.model), batches_of(loader), e);
    session_.rows += m.samples;
    const bool classes = t.task == Task::classification;
    session_.print(fmt::format("test ({} samples of {}): loss {:.4f}{}\n", m.samples, o_.dataset,
                               m.loss, classes ? ", accuracy " + percent(m.accuracy) : ""));
    session_.print(fmt::format("written: {}, {}, {}\n", out_.at(kModelFile), out_.at("history.csv"),
                               out_.at("result.json")));
    session_.print(fmt::format("next: ingrad attribute --model {} --dataset {}{}\n",
                               out_.at(kModelFile), o_.dataset, pictures ? "" : " --count 100"));
    session_.result["test"] = {{"samples", m.samples}, {"loss", m.loss}, {"accuracy", m.accuracy}};
    session_.result["steps"] = result.steps;
    session_.result["resumed_from"] = result.resumed_from;
    session_.result["best_epoch"] = result.best_epoch + 1;
    session_.result["stopped_early"] = result.stopped_early;
    session_.result["model"] = out_.at(kModelFile);
    Json history = Json::array();
    for (const EpochRecord& r : result.history) {
      history.push_back({{"epoch", r.epoch + 1},
                         {"loss", r.training.loss},
                         {"accuracy", r.training.accuracy},
                         {"validation_loss", r.validation.loss},
                         {"validation_accuracy", r.validation.accuracy},
                         {"robust_accuracy", r.robust.accuracy}});
    }
    session_.result["history"] = std::move(history);
    out_.write_result("result.json", session_);
  }

  const Options& o_;
  Session& session_;
  Augmentation augmentation_;
  OutputFolder out_;
  TrainedModel trained_;
};

void declare_options(CLI::App& app, Options& o) {
  app.add_option("--dataset", o.dataset, "A name of \"ingrad datasets\", or folder:PATH")
      ->type_name("NAME");
  app.add_option("--data", o.data, "Folder of data sets; default INGRAD_DATA")->type_name("DIR");
  app.add_option("--count", o.count, "Only the first so many samples; 0: all")
      ->type_name("N")
      ->check(integer_in(0, INT64_MAX));
  app.add_option("--model", o.model, "A model with options: \"ingrad models\"")->type_name("TEXT");
  app.add_option("--epochs", o.epochs, "Passes over the data")
      ->type_name("N")
      ->check(integer_in(1, 100000));
  app.add_option("--batch-size", o.batch, "Samples per step")
      ->type_name("N")
      ->check(integer_in(1, 1 << 20));
  app.add_option("--optimizer", o.optimizer,
                 "sgd, adam, adamw, nadam, radam, rmsprop, adagrad, adadelta, lion or lbfgs, with "
                 "options: sgd:lr=0.1,momentum=0.9,nesterov")
      ->type_name("TEXT");
  app.add_option("--schedule", o.schedule,
                 "constant, step, multistep, exponential, cosine, linear, polynomial, onecycle or "
                 "plateau, with options: cosine:warmup=100")
      ->type_name("TEXT");
  app.add_option("--augment", o.augment, "Random changes of pictures: crop=4,flip")
      ->type_name("TEXT");
  app.add_flag("--raw", o.raw, "No normalisation of the inputs");
  app.add_option(
         "--adversarial", o.adversarial,
         "Train on adversarial examples: fgsm:eps=0.1, linf:eps=8/255,steps=7, l2:eps=2, l1:eps=12")
      ->type_name("TEXT");
  app.add_option("--adversarial-fraction", o.fraction, "Share of adversarial samples")
      ->type_name("F")
      ->check(number_in(0, 1));
  app.add_option("--clip-norm", o.clip_norm, "Limit on the norm of the gradient; 0: none")
      ->type_name("X")
      ->check(number_in(0, 1e30));
  app.add_option("--label-smoothing", o.smoothing, "Smoothing of class labels")
      ->type_name("F")
      ->check(number_in(0, 0.99));
  app.add_option("--average", o.average, "Decay of a moving average of the weights; 0: none")
      ->type_name("F")
      ->check(number_in(0, 0.999999));
  app.add_option("--validation-fraction", o.validation, "Share of the training data held out")
      ->type_name("F")
      ->check(number_in(0, 0.9));
  app.add_option("--monitor", o.monitor, "What decides which epoch was the best")
      ->type_name("NAME")
      ->check(one_of({"automatic", "loss", "accuracy", "robust_accuracy"}));
  app.add_option("--execution", o.execution,
                 "Steps by plans, by plans that round as single ops do, or op by op")
      ->type_name("NAME")
      ->check(one_of({"plan", "exact_plan", "op_by_op"}));
  app.add_option("--early-stopping", o.patience,
                 "Stop after so many epochs without improvement; 0: never")
      ->type_name("N")
      ->check(integer_in(0, 100000));
  app.add_option("--save-every", o.save_seconds, "Seconds between saved states")
      ->type_name("S")
      ->check(number_in(0.01, 1e9));
  app.add_flag("--resume", o.resume, "Go on from the saved state in --out, if there is one");
  app.add_option("--out", o.out, "Folder for the results")->type_name("DIR");
}

}  // namespace

Command train_command() {
  return {"train", "Train a model",
          "  ingrad train --dataset mnist --model cnn --out out/mnist\n"
          "  ingrad train --dataset cifar10 --model resnet18:stem=cifar --epochs 20 \\\n"
          "      --optimizer sgd:lr=0.1,momentum=0.9,weight_decay=5e-4 --schedule cosine \\\n"
          "      --augment crop=4,flip\n"
          "  ingrad train --dataset mnist --adversarial linf:eps=0.3,steps=7 --out out/robust\n"
          "  ingrad train --dataset california --model mlp:hidden=64-64 --epochs 30\n"
          "  ingrad train ... --resume          after Ctrl-C or worse: the same final weights",
          [](CLI::App& app) -> std::function<void(Session&)> {
            auto o = std::make_shared<Options>();
            declare_options(app, *o);
            return [o](Session& session) { TrainCommand(*o, session).run(); };
          }};
}

}  // namespace ingrad::tools
