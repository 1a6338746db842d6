// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "datasets/catalog.h"
#include "engine/io/npy.h"
#include "engine/io/png.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "tools/arguments.h"
#include "tools/commands/command.h"
#include "tools/explanations.h"
#include "tools/inputs.h"
#include "tools/interrupt.h"
#include "tools/output_folder.h"
#include "tools/report/chart.h"
#include "tools/report/heat_map.h"
#include "tools/report/html.h"
#include "tools/table.h"
#include "tools/trained_model.h"

namespace ingrad::tools {
namespace {

struct Options {
  std::string model, weights, input_shape, input, dataset, data, split = "test";
  std::string method = "gradient,smooth_grad,integrated_gradients,deep_lift", target = "predicted",
              scalar = "logit", baseline = "zero";
  std::string layer, memory, device = "cpu", out = "out/attribute";
  std::int64_t count = 16, outputs = 10, batch = 256, pictures = 64;
  MethodSettings settings;
  double percentile = 99.5;
  bool resume = false;
};

// A saved model; or a text, with the shape of its inputs and a file of weights.
TrainedModel open_model(const Options& o) {
  if (o.weights.empty()) return load_trained(o.model);
  TrainedModel t;
  std::vector<std::int64_t> shape;
  for (std::size_t at = 0; at <= o.input_shape.size();) {
    const std::size_t end = std::min(o.input_shape.find('x', at), o.input_shape.size());
    const std::string part = o.input_shape.substr(at, end - at);
    if (part.empty() || part.size() > 9 ||
        part.find_first_not_of("0123456789") != std::string::npos) {
      throw Error(
          fmt::format("--input-shape is '{}', expected extents like 3x32x32", o.input_shape));
    }
    shape.push_back(std::stoll(part));
    at = end + 1;
  }
  t.spec = {o.model, Shape(std::span<const std::int64_t>(shape)), o.outputs};
  t.model = build_model(t.spec);
  load_weights(*t.model, o.weights);
  return t;
}

Inputs samples_of(const Options& o, const TrainedModel& t, std::uint64_t seed) {
  if (o.input.empty() == o.dataset.empty()) {
    throw Error("one of --input and --dataset is expected");
  }
  if (!o.input.empty()) return read_inputs(o.input, t.spec.input, o.count);
  DatasetOptions d;
  d.data = o.data;
  d.count = o.count;
  d.seed = seed;
  const Dataset data = load_dataset(o.dataset, o.split == "train" ? Split::train : Split::test, d);
  if (data.sample_shape() != t.spec.input) {
    throw Error(fmt::format("the model takes inputs {}, {} has {}", t.spec.input.str(), o.dataset,
                            data.sample_shape().str()));
  }
  Inputs inputs;
  inputs.rows = float_inputs(data);
  for (std::int64_t i = 0; i < data.size(); ++i) inputs.names.push_back(fmt::format("{}", i));
  if (data.is_classification()) inputs.labels = data.labels.to_vector<std::int64_t>();
  inputs.features = data.features;
  return inputs;
}

// A class by name or number.
std::int64_t class_of(const std::string& text, const TrainedModel& t) {
  const auto found = std::find(t.classes.begin(), t.classes.end(), text);
  if (found != t.classes.end()) return found - t.classes.begin();
  const Check is_number = integer_in(0, t.spec.outputs - 1);
  if (const std::string wrong = is_number(text); !wrong.empty()) {
    throw Error(
        fmt::format("--target has '{}', expected predicted, label, all, or classes by name or by "
                    "number below {}",
                    text, t.spec.outputs));
  }
  return std::stoll(text);
}

Target target_of(const Options& o, const TrainedModel& t, const Inputs& inputs) {
  if (o.target == "predicted") {
    return t.spec.outputs == 1 ? Target::only_output() : Target::predicted();
  }
  if (o.target == "label") {
    if (inputs.labels.empty()) throw Error("--target label: the labels are not known");
    return Target::per_sample(inputs.labels);
  }
  std::vector<std::int64_t> classes;
  if (o.target == "all") {
    for (std::int64_t c = 0; c < t.spec.outputs; ++c) classes.push_back(c);
  } else {
    for (const std::string& name : parse_list(o.target, "--target")) {
      classes.push_back(class_of(name, t));
    }
  }
  return classes.size() == 1 ? Target::one(classes[0]) : Target::several(classes);
}

std::vector<Tensor> baselines_of(const Options& o, const TrainedModel& t, const Inputs& inputs) {
  if (o.baseline == "zero") return {};
  if (o.baseline == "one") return {Tensor::ones(t.spec.input)};
  if (o.baseline == "mean") {
    if (inputs.rows.dim(0) == 1) {
      throw Error(
          "--baseline mean: the mean of one sample is the sample, whose attribution is zero; "
          "expected more samples or another baseline");
    }
    return {mean(inputs.rows, {0})};
  }
  return {read_inputs(o.baseline, t.spec.input, 1).rows};
}

class AttributeCommand {
 public:
  AttributeCommand(const Options& o, Session& session)
      : o_(o),
        session_(session),
        model_(open_model(o)),
        inputs_(samples_of(o, model_, session.common.seed)),
        out_(o.out) {}

  void run() {
    const Device device = session_.use_device(o_.device);
    model_.to(device);
    const ModelFn f = model_.on_raw_inputs();
    ExplainOptions options;
    options.pool.plans = std::make_shared<PoolPlans>();
    options.scalar = scalar_kind_from_name(o_.scalar);
    options.target = target_of(o_, model_, inputs_);
    options.pool.max_rows = o_.batch;
    if (!o_.memory.empty()) options.pool.memory_bytes = parse_bytes(o_.memory, "--memory");
    MethodSettings settings = o_.settings;
    settings.seed = session_.common.seed;
    if (!o_.layer.empty()) settings.layers = parse_list(o_.layer, "--layer");
    settings.baselines = baselines_of(o_, model_, inputs_);
    const ExplanationParts parts(out_, recipe(), o_.resume);
    const Tensor rows = inputs_.rows.to(device);
    for (const ChosenMethod& chosen : parse_methods(o_.method)) {
      try {
        explanations_.push_back(explain(session_, chosen.method->title, *chosen.method, settings, f,
                                        rows, options, &parts));
      } catch (const Error& e) {
        if (Interrupt::requested()) {
          throw Error(fmt::format("{}; --resume goes on from there", e.message()));
        }
        if (chosen.by_name) throw;
        session_.note(fmt::format("left out: {}\n", e.message()));
        session_.result["left_out"].push_back(
            {{"method", chosen.method->name}, {"reason", e.message()}});
      }
    }
    if (explanations_.empty()) throw Error("no method suits this model and these samples");
    write_arrays();
    if (is_picture()) write_pictures();
    Json list = Json::array();
    for (const Explanation& e : explanations_) list.push_back(json_of(e));
    session_.result["methods"] = std::move(list);
    session_.result["targets"] = explanations_.front().result.targets;
    const Table table = summary();
    session_.print(table.str(terminal_width()));
    out_.write("report.html", page(table));
    out_.write_result("result.json", session_);
    parts.remove();
    session_.print(fmt::format("written: {} and beside it attributions.npz, result.json{}\n",
                               out_.at("report.html"), is_picture() ? ", maps/" : ""));
  }

 private:
  // All that attributions depend on.
  std::string recipe() const {
    Json j = session_.settings;
    for (const char* other :
         {"resume", "out", "method", "memory", "batch_size", "device", "pictures", "percentile"}) {
      j.erase(other);
    }
    j["seed"] = session_.common.seed;
    j["samples"] = digest(inputs_.rows);
    for (const NamedTensor& t : model_.model->state()) j["state"].push_back(digest(t.tensor));
    return format_json(j);
  }

  bool is_picture() const { return model_.spec.input.rank() == 3; }
  std::int64_t shown() const { return std::min(inputs_.rows.dim(0), o_.pictures); }

  std::string class_name(std::int64_t c) const {
    const auto k = static_cast<std::size_t>(c);
    return k < model_.classes.size() ? model_.classes[k] : fmt::format("output {}", c);
  }

  Table summary() const {
    Table table({{"method"},
                 {"samples/s", Align::right},
                 {"evaluations", Align::right},
                 {"largest batch", Align::right},
                 {"memory", Align::right},
                 {"completeness error", Align::right}});
    for (const Explanation& e : explanations_) {
      table.add({e.title, fmt::format("{:.1f}", e.images_per_second()),
                 fmt::format("{:.1f}", e.evaluations()),
                 fmt::format("{}", e.result.cost.batch_rows),
                 format_bytes(e.result.cost.peak_bytes), error_text(e.completeness_error())});
    }
    return table;
  }

  void write_arrays() const {
    const std::int64_t n = inputs_.rows.dim(0);
    NamedTensors arrays = {{"inputs", inputs_.rows}};
    const Attribution& first = explanations_.front().result;
    const Shape per_target = classes() == 1 ? Shape{n} : Shape{n, classes()};
    arrays.push_back({"targets", Tensor::from(first.targets, per_target)});
    arrays.push_back({"f", Tensor::from(first.f, per_target)});
    if (!inputs_.labels.empty()) arrays.push_back({"labels", Tensor::from(inputs_.labels, {n})});
    for (const Explanation& e : explanations_) {
      arrays.push_back({e.name, e.result.values});
      if (e.result.standard_error.defined()) {
        arrays.push_back({e.name + ".standard_error", e.result.standard_error});
      }
      if (!e.result.delta.empty()) {
        arrays.push_back({e.name + ".delta", Tensor::from(e.result.delta, per_target)});
      }
    }
    write_npz(out_.at("attributions.npz"), arrays);
  }

  // Explained classes per sample.
  std::int64_t classes() const {
    return static_cast<std::int64_t>(explanations_.front().result.targets.size()) /
           inputs_.rows.dim(0);
  }
  std::int64_t target(std::int64_t sample, std::int64_t c) const {
    return explanations_.front().result.targets[static_cast<std::size_t>(sample * classes() + c)];
  }

  SignedMap map_of(const Explanation& e, std::int64_t sample, std::int64_t c) const {
    const Tensor of_sample = select(e.result.values, 0, sample);
    return signed_map(classes() == 1 ? of_sample : select(of_sample, 0, c), o_.percentile);
  }

  // maps/NAME.png: the picture and the maps side by side, above the overlays; and each of them on
  // its own. With several classes, NAME.CLASS.png.
  void write_pictures() const {
    const OutputFolder maps = out_.sub("maps");
    for (std::int64_t i = 0; i < shown(); ++i) {
      for (std::int64_t c = 0; c < classes(); ++c) write_pictures(maps, i, c);
    }
  }

  void write_pictures(const OutputFolder& maps, std::int64_t sample, std::int64_t c) const {
    const std::int64_t factor = enlargement(model_.spec.input[1], model_.spec.input[2], 224);
    std::string name = inputs_.names[static_cast<std::size_t>(sample)];
    if (classes() > 1) name += fmt::format(".{}", target(sample, c));
    const Tensor picture = picture_of(select(inputs_.rows, 0, sample));
    std::vector<Tensor> above = {enlarged(picture, factor)}, below = {enlarged(picture, factor)};
    for (const Explanation& e : explanations_) {
      const SignedMap map = map_of(e, sample, c);
      above.push_back(enlarged(heat_map(map), factor));
      below.push_back(enlarged(overlay(picture, map), factor));
      write_png(maps.at(fmt::format("{}.{}.png", name, e.name)), above.back());
      write_png(maps.at(fmt::format("{}.{}.overlay.png", name, e.name)), below.back());
    }
    const std::vector<Tensor> both = {side_by_side(above, 8), side_by_side(below, 8)};
    write_png(maps.at(name + ".png"), stacked(both, 8));
  }

  void add_pictures(HtmlPage& page) const {
    std::vector<std::string> header = {"", "input"};
    for (const Explanation& e : explanations_) header.push_back(escaped(e.title));
    std::vector<std::vector<std::string>> rows;
    for (std::int64_t i = 0; i < shown(); ++i) {
      for (std::int64_t c = 0; c < classes(); ++c) add_pictures(rows, i, c);
    }
    page.legend("speaks against", "speaks for the explained class",
                fmt::format("full colour at the {}th percentile of each map", o_.percentile));
    page.gallery(header, rows);
  }

  void add_pictures(std::vector<std::vector<std::string>>& rows, std::int64_t sample,
                    std::int64_t c) const {
    const std::string& name = inputs_.names[static_cast<std::size_t>(sample)];
    const Tensor picture = picture_of(select(inputs_.rows, 0, sample));
    std::vector<std::string> maps = {fmt::format("{}<small>explained: {}</small>", escaped(name),
                                                 escaped(class_name(target(sample, c)))),
                                     image_tag(picture, name, 112)};
    std::vector<std::string> overlays = {"", ""};
    for (const Explanation& e : explanations_) {
      const SignedMap map = map_of(e, sample, c);
      maps.push_back(image_tag(heat_map(map), e.title, 112));
      overlays.push_back(image_tag(overlay(picture, map), e.title + ", over the input", 112));
    }
    rows.push_back(std::move(maps));
    rows.push_back(std::move(overlays));
  }

  // The mean magnitude of each feature.
  void add_features(HtmlPage& page) const {
    const std::int64_t features = inputs_.rows.size() / inputs_.rows.dim(0);
    for (const Explanation& e : explanations_) {
      const Tensor flat =
          reshape(abs(e.result.values), {inputs_.rows.dim(0) * classes(), features});
      const auto means = mean(flat, {0}).to_vector<double>();
      std::vector<std::size_t> order(means.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return means[a] > means[b]; });
      order.resize(std::min<std::size_t>(order.size(), 24));
      BarChart chart;
      chart.percent = false;
      chart.series = {{e.title, "other", {}}};
      for (const std::size_t i : order) {
        chart.groups.push_back(i < inputs_.features.size() ? inputs_.features[i]
                                                           : fmt::format("feature {}", i));
        chart.series[0].values.push_back(means[i]);
      }
      chart.maximum = std::max(order.empty() ? 1.0 : means[order[0]], 1e-30);
      page.figure(svg(chart), fmt::format("{}: mean magnitude over {} samples", escaped(e.title),
                                          inputs_.rows.dim(0)));
    }
  }

  std::string page(const Table& table) const {
    HtmlPage page(
        "Attributions",
        fmt::format("{} samples through <code>{}</code>, by {} method{}.", inputs_.rows.dim(0),
                    escaped(o_.model), explanations_.size(), explanations_.size() == 1 ? "" : "s"));
    if (is_picture()) {
      add_pictures(page);
    } else {
      add_features(page);
    }
    page.heading("Cost and completeness");
    page.table(table);
    page.heading("Settings");
    page.settings(session_.settings);
    return page.str(session_.provenance_line());
  }

  const Options& o_;
  Session& session_;
  TrainedModel model_;
  Inputs inputs_;
  OutputFolder out_;
  std::vector<Explanation> explanations_;
};

void declare_options(CLI::App& app, Options& o) {
  app.add_option("--model", o.model, "A saved model; or, with --weights, a model by name")
      ->type_name("FILE")
      ->required();
  app.add_option("--weights", o.weights, "Weights for it: safetensors, or a PyTorch state dict")
      ->type_name("FILE");
  app.add_option("--input-shape", o.input_shape, "With --weights: extents of a sample, 3x32x32")
      ->type_name("SHAPE");
  app.add_option("--outputs", o.outputs, "With --weights: outputs of the model")
      ->type_name("N")
      ->check(integer_in(1, 1 << 24));
  app.add_option("--input", o.input,
                 "A picture, a folder of pictures, an NPY or NPZ array, or a table (CSV)")
      ->type_name("PATH");
  app.add_option("--dataset", o.dataset, "Or samples of a data set")->type_name("NAME");
  app.add_option("--data", o.data, "Folder of data sets; default INGRAD_DATA")->type_name("DIR");
  app.add_option("--split", o.split, "Which part of it")
      ->type_name("NAME")
      ->check(one_of({"train", "test"}));
  app.add_option("--count", o.count, "Only the first so many samples; 0: all")
      ->type_name("N")
      ->check(integer_in(0, INT64_MAX));
  app.add_option("--method", o.method, "Methods or families (`ingrad methods` lists them), or all")
      ->type_name("A,B");
  app.add_option("--target", o.target, "predicted, label, all, or classes by name or number")
      ->type_name("A,B");
  app.add_option("--scalar", o.scalar, "What of the output: logit, log_prob, prob, margin or loss")
      ->type_name("NAME")
      ->check(one_of({"logit", "log_prob", "prob", "margin", "loss"}));
  app.add_option("--baseline", o.baseline,
                 "zero, one, mean (of the samples that are explained), or a file like --input")
      ->type_name("WHAT");
  app.add_option("--rule", o.settings.rule, "Quadrature of Integrated Gradients")
      ->type_name("NAME")
      ->check(one_of(rule_names()));
  app.add_option("--steps", o.settings.steps, "Its nodes; of adaptive: at most")
      ->type_name("N")
      ->check(integer_in(1, 1000000));
  app.add_option("--tolerance", o.settings.tolerance, "Of adaptive: relative completeness")
      ->type_name("X")
      ->check(number_in(1e-12, 1));
  app.add_option("--draws", o.settings.draws, "Noisy copies, of SmoothGrad and its kin")
      ->type_name("N")
      ->check(integer_in(1, 1000000));
  app.add_option("--sigma", o.settings.sigma, "Noise, relative to the range of the sample")
      ->type_name("X")
      ->check(number_in(0, 1e6));
  app.add_option("--layer", o.layer, "Layers of maps, by name; default: the last one with points")
      ->type_name("A,B");
  app.add_option("--cells", o.settings.cells,
                 "Features of pictures: cells along each axis; 0: the method's own default")
      ->type_name("N")
      ->check(integer_in(0, 1 << 12));
  app.add_option("--batch-size", o.batch, "Evaluations at a time, at most")
      ->type_name("N")
      ->check(integer_in(1, 1 << 24));
  app.add_option("--memory", o.memory, "Limit on the memory of a batch: 500MB, 2GiB")
      ->type_name("BYTES");
  app.add_option("--device", o.device, "Where to compute: cpu, cuda, cuda:1")->type_name("NAME");
  app.add_option("--percentile", o.percentile, "Magnitude that gets the full colour")
      ->type_name("P")
      ->check(number_in(1, 100));
  app.add_option("--pictures", o.pictures, "Samples that are drawn")
      ->type_name("N")
      ->check(integer_in(0, 100000));
  app.add_option("--out", o.out, "Folder for the results")->type_name("DIR");
  app.add_flag("--resume", o.resume, "Go on with work in --out that was stopped or killed");
}

}  // namespace

Command attribute_command() {
  return {"attribute", "Explain the outputs of a model: arrays, heat maps, a report",
          "  ingrad attribute --model out/mnist/model.safetensors --dataset mnist\n"
          "  ingrad attribute --model out/mnist/model.safetensors --input digits/ \\\n"
          "      --method integrated_gradients --rule adaptive --steps 729 --target 3\n"
          "  ingrad attribute --model out/california/model.safetensors --input houses.csv\n"
          "  ingrad attribute ... --resume           after Ctrl-C or worse: the same results\n"
          "  ingrad attribute --model resnet18 --weights resnet18.safetensors \\\n"
          "      --input-shape 3x224x224 --outputs 1000 --input dog.png --device cuda",
          [](CLI::App& app) -> std::function<void(Session&)> {
            auto o = std::make_shared<Options>();
            declare_options(app, *o);
            return [o](Session& session) { AttributeCommand(*o, session).run(); };
          }};
}

}  // namespace ingrad::tools
