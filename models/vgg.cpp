// SPDX-License-Identifier: Apache-2.0
#include "models/vgg.h"

#include <array>

#include "models/layers/activation.h"
#include "models/layers/batch_norm.h"
#include "models/layers/conv.h"
#include "models/layers/dropout.h"
#include "models/layers/flatten.h"
#include "models/layers/linear.h"
#include "models/layers/pooling.h"
#include "models/layers/text.h"
#include "models/model_spec.h"

namespace ingrad {
namespace {

// Convolutions in each of the five blocks, which end in a max-pooling by 2.
struct Depth {
  int layers;
  std::array<int, 5> convolutions;
};
constexpr Depth kDepths[] = {
    {11, {1, 1, 2, 2, 2}}, {13, {2, 2, 2, 2, 2}}, {16, {2, 2, 3, 3, 3}}, {19, {2, 2, 4, 4, 4}}};
constexpr std::int64_t kChannels[] = {64, 128, 256, 512, 512};
constexpr std::int64_t kPooled = 7;

const Depth& depth_of(int layers, Location where) {
  for (const Depth& d : kDepths) {
    if (d.layers == layers) return d;
  }
  throw Error(fmt::format("vgg: {} layers; expected 11, 13, 16 or 19", layers), where);
}

std::unique_ptr<Sequential> convolutions(const Depth& depth, std::int64_t channels,
                                         const VggOptions& o) {
  const ConvLayerOptions conv{
      .padding = {1},
      .dtype = o.dtype,
      .initial_weight =
          init::kaiming_normal({.fan = init::Fan::out, .nonlinearity = init::Nonlinearity::relu}),
      .initial_bias = init::constant(0)};
  auto features = std::make_unique<Sequential>();
  for (std::size_t block = 0; block < depth.convolutions.size(); ++block) {
    for (int i = 0; i < depth.convolutions[block]; ++i) {
      features->append(std::make_unique<Conv2d>(channels, kChannels[block], IntList{3}, conv));
      channels = kChannels[block];
      if (o.batch_norm) features->add<BatchNorm>(channels, BatchNormOptions{.dtype = o.dtype});
      features->add<Activation>("relu");
    }
    features->append(std::make_unique<MaxPool2d>(IntList{2}));
  }
  return features;
}

std::unique_ptr<Sequential> classifier(std::int64_t outputs, const VggOptions& o, Location where) {
  const LinearOptions linear{
      .dtype = o.dtype, .initial_weight = init::normal(0, 0.01), .initial_bias = init::constant(0)};
  auto layers = std::make_unique<Sequential>();
  layers->add<Linear>(kChannels[4] * kPooled * kPooled, o.hidden, linear, where);
  layers->add<Activation>("relu");
  layers->add<Dropout>(o.dropout, where);
  layers->add<Linear>(o.hidden, o.hidden, linear, where);
  layers->add<Activation>("relu");
  layers->add<Dropout>(o.dropout, where);
  layers->add<Linear>(o.hidden, outputs, linear, where);
  return layers;
}

}  // namespace

Vgg::Vgg(int depth, const Shape& input, std::int64_t outputs, const VggOptions& o, Location where) {
  const Depth& d = depth_of(depth, where);
  check_image_model(fmt::format("vgg{}", depth), input, outputs, 32, where);
  append("features", convolutions(d, input[0], o));
  append("avgpool", std::make_unique<AdaptiveAvgPool2d>(IntList{kPooled}));
  append("flatten", std::make_unique<Flatten>());
  append("classifier", classifier(outputs, o, where));
  description_ = fmt::format(
      "Vgg{}({}, {}{}{}{}{})", depth, input.str(), outputs,
      option_text("batch_norm", o.batch_norm, false), option_text("dropout", o.dropout, 0.5),
      option_text("hidden", o.hidden, std::int64_t{4096}), dtype_option(o.dtype));
}

}  // namespace ingrad
