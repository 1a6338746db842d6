// SPDX-License-Identifier: Apache-2.0
#include "models/catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/option_text.h"
#include "models/cnn.h"
#include "models/gpt.h"
#include "models/lenet.h"
#include "models/mlp.h"
#include "models/resnet.h"
#include "models/vgg.h"
#include "models/vit.h"

namespace ingrad {
namespace {

// Takes its options from `text`; those left over are refused by the caller.
using Build = std::unique_ptr<Module> (*)(const ModelSpec& spec, OptionText& text, Location where);

struct Entry {
  ModelEntry shown;
  Build build;
};

// One of two values, the first being the default.
bool second_of(OptionText& text, std::string_view key, std::string_view first,
               std::string_view second, Location where) {
  const std::string value = text.text(key, first);
  if (value != first && value != second) {
    throw Error(
        fmt::format("{}: {} is '{}', expected {} or {}", text.name(), key, value, first, second),
        where);
  }
  return value == second;
}

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
  o.stem = second_of(text, "stem", "imagenet", "cifar", where) ? ResNetStem::cifar
                                                               : ResNetStem::imagenet;
  o.width = text.integer("width", o.width);
  o.zero_init_residual = text.flag("zero_init_residual");
  return std::make_unique<ResNet>(depth, spec.input, spec.outputs, o, where);
}

std::unique_ptr<Module> build_vit(const ModelSpec& spec, OptionText& text, Location where) {
  VitOptions o{.dtype = spec.dtype};
  o.patch = text.integer("patch", o.patch);
  o.width = text.integer("width", o.width);
  o.layers = text.integer("layers", o.layers);
  o.heads = text.integer("heads", o.heads);
  o.hidden = text.integer("hidden", o.hidden);
  o.pool = second_of(text, "pool", "token", "mean", where) ? VitPool::mean : VitPool::token;
  o.dropout = text.number("dropout", o.dropout);
  o.attention_dropout = text.number("attention_dropout", o.attention_dropout);
  o.zero_init_head = text.flag("zero_init_head");
  return std::make_unique<Vit>(spec.input, spec.outputs, o, where);
}

// Inputs [context] are token numbers, [context, width] embeddings.
std::unique_ptr<Module> build_gpt(const ModelSpec& spec, OptionText& text, Location where) {
  GptOptions o{.dtype = spec.dtype};
  const Shape& input = spec.input;
  o.width = text.integer("width", input.rank() == 2 ? input[1] : o.width);
  if (input.rank() < 1 || input.rank() > 2 || (input.rank() == 2 && input[1] != o.width)) {
    throw Error(fmt::format("gpt: input {}; expected [context] for token numbers or [context, {}] "
                            "for embeddings",
                            input.str(), o.width),
                where);
  }
  o.layers = text.integer("layers", o.layers);
  o.heads = text.integer("heads", o.heads);
  o.hidden = text.integer("hidden", o.hidden);
  o.logits = second_of(text, "logits", "last", "all", where) ? GptLogits::all : GptLogits::last;
  o.tied = text.flag("tied", o.tied);
  o.activation = text.text("activation", o.activation);
  o.dropout = text.number("dropout", o.dropout);
  o.attention_dropout = text.number("attention_dropout", o.attention_dropout);
  return std::make_unique<Gpt>(input[0], spec.outputs, o, where);
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
      resnet_entry<152>(),
      {{"vit",
        "vision transformer (Dosovitskiy et al. 2021), torchvision's names",
        "patch=4, width=192, layers=6, heads=3, hidden=0 (4 width), pool=token (or mean), "
        "dropout=0, attention_dropout=0, zero_init_head",
        {"vit", {3, 32, 32}, 10}},
       build_vit},
      {{"gpt",
        "language model (GPT-2, Radford et al. 2019) of token numbers, or of embeddings [context, "
        "width]; GPT-2's names",
        "width=128, layers=4, heads=4, hidden=0 (4 width), logits=last (or all), tied=true, "
        "activation=gelu_tanh, dropout=0, attention_dropout=0",
        {"gpt", {128, 128}, 65}},
       build_gpt}};
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
