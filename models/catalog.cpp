// SPDX-License-Identifier: Apache-2.0
#include "models/catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/option_text.h"
#include "models/cnn.h"
#include "models/lenet.h"
#include "models/mlp.h"
#include "models/resnet.h"
#include "models/vgg.h"

namespace ingrad {
namespace {

// Takes its options from `text`; those left over are refused by the caller.
using Build = std::unique_ptr<Module> (*)(const ModelSpec& spec, OptionText& text, Location where);

struct Entry {
  ModelEntry shown;
  Build build;
};

std::unique_ptr<Module> build_mlp(const ModelSpec& spec, OptionText& text, Location where) {
  MlpOptions o{.dtype = spec.dtype};
  o.batch_norm = text.flag("batch_norm");
  o.activation = text.text("activation", o.activation);
  o.dropout = text.number("dropout", o.dropout);
  o.layer = text.text("layer", o.layer);
  const std::int64_t features = spec.input.size();
  std::vector<std::int64_t> widths;
  if (const std::string all = text.positional(); !all.empty()) {
    widths = parse_integers(all, "mlp: widths", where);
    if (widths.front() != features || widths.back() != spec.outputs) {
      throw Error(fmt::format("mlp: widths {} for input {} ({} elements) and {} outputs", all,
                              spec.input.str(), features, spec.outputs),
                  where);
    }
    return std::make_unique<Mlp>(widths, o, where);
  }
  widths = text.has("hidden") ? text.integers("hidden") : std::vector<std::int64_t>{256, 128};
  widths.insert(widths.begin(), features);
  widths.push_back(spec.outputs);
  return std::make_unique<Mlp>(widths, o, where);
}

std::unique_ptr<Module> build_lenet5(const ModelSpec& spec, OptionText& text, Location where) {
  LeNet5Options o{.dtype = spec.dtype};
  if (text.has("padding")) o.padding = text.integer("padding", 0);
  return std::make_unique<LeNet5>(spec.input, spec.outputs, o, where);
}

std::unique_ptr<Module> build_cnn(const ModelSpec& spec, OptionText& text, Location where) {
  CnnOptions o{.dtype = spec.dtype};
  o.width = text.integer("width", o.width);
  o.hidden = text.integer("hidden", o.hidden);
  o.batch_norm = text.flag("batch_norm");
  o.dropout = text.number("dropout", o.dropout);
  return std::make_unique<Cnn>(spec.input, spec.outputs, o, where);
}

std::unique_ptr<Module> build_cnn3(const ModelSpec& spec, OptionText& text, Location where) {
  Cnn3Options o{.dtype = spec.dtype};
  o.width = text.integer("width", o.width);
  return std::make_unique<Cnn3>(spec.input, spec.outputs, o, where);
}

template <int depth>
std::unique_ptr<Module> build_vgg(const ModelSpec& spec, OptionText& text, Location where) {
  VggOptions o{.dtype = spec.dtype};
  o.batch_norm = text.flag("batch_norm");
  o.dropout = text.number("dropout", o.dropout);
  o.hidden = text.integer("hidden", o.hidden);
  return std::make_unique<Vgg>(depth, spec.input, spec.outputs, o, where);
}

template <int depth>
std::unique_ptr<Module> build_resnet(const ModelSpec& spec, OptionText& text, Location where) {
  ResNetOptions o{.dtype = spec.dtype};
  const std::string stem = text.text("stem", "imagenet");
  if (stem != "imagenet" && stem != "cifar") {
    throw Error(fmt::format("{}: stem is '{}', expected imagenet or cifar", text.name(), stem),
                where);
  }
  o.stem = stem == "cifar" ? ResNetStem::cifar : ResNetStem::imagenet;
  o.width = text.integer("width", o.width);
  o.zero_init_residual = text.flag("zero_init_residual");
  return std::make_unique<ResNet>(depth, spec.input, spec.outputs, o, where);
}

template <int depth>
Entry vgg_entry() {
  const std::string name = fmt::format("vgg{}", depth);
  return {
      {name,
       fmt::format("VGG of {} layers (Simonyan and Zisserman 2015), torchvision's names", depth),
       "batch_norm, dropout=0.5, hidden=4096",
       {name, {3, 224, 224}, 1000}},
      build_vgg<depth>};
}

template <int depth>
Entry resnet_entry() {
  const std::string name = fmt::format("resnet{}", depth);
  return {{name,
           fmt::format("ResNet of {} layers (He et al. 2016), torchvision's names", depth),
           "stem=imagenet (or cifar), width=64, zero_init_residual",
           {name, {3, 224, 224}, 1000}},
          build_resnet<depth>};
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {{"mlp",
        "multilayer perceptron, of all widths or of the hidden ones",
        "784-512-10 or hidden=256-128, activation=relu, batch_norm, dropout=0, layer=fc",
        {"mlp:784-512-512-10", {784}, 10}},
       build_mlp},
      {{"lenet5",
        "LeNet-5 with ReLU and max-pooling (LeCun et al. 1998)",
        "padding=2 (0 from 32 x 32 on)",
        {"lenet5", {1, 28, 28}, 10}},
       build_lenet5},
      {{"cnn",
        "two 3x3 convolutions with max-pooling and a hidden layer",
        "width=32, hidden=128, batch_norm, dropout=0",
        {"cnn", {1, 28, 28}, 10}},
       build_cnn},
      {{"cnn3",
        "three 3x3 convolutions with batch norm and max-pooling, global mean",
        "width=32",
        {"cnn3", {3, 32, 32}, 10}},
       build_cnn3},
      vgg_entry<11>(),
      vgg_entry<13>(),
      vgg_entry<16>(),
      vgg_entry<19>(),
      resnet_entry<18>(),
      resnet_entry<34>(),
      resnet_entry<50>(),
      resnet_entry<101>(),
      resnet_entry<152>()};
  return all;
}

}  // namespace

std::vector<ModelEntry> model_catalog() {
  std::vector<ModelEntry> all;
  for (const Entry& e : entries()) all.push_back(e.shown);
  return all;
}

std::unique_ptr<Module> build_model(const ModelSpec& spec, Location where) {
  OptionText text(spec.text, where);
  std::vector<std::string> names;
  for (const Entry& e : entries()) {
    if (e.shown.name == text.name()) {
      auto model = e.build(spec, text, where);
      text.finish();
      return model;
    }
    names.push_back(e.shown.name);
  }
  throw Error(
      fmt::format("unknown model '{}'; expected one of {}", text.name(), fmt::join(names, ", ")),
      where);
}

std::unique_ptr<Module> make_model(const ModelSpec& spec, std::uint64_t seed, Location where) {
  auto model = build_model(spec, where);
  model->initialize(seed);
  return model;
}

}  // namespace ingrad
