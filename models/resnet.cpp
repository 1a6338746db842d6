// SPDX-License-Identifier: Apache-2.0
#include "models/resnet.h"

#include "engine/ops/elementwise.h"
#include "models/layers/activation.h"
#include "models/layers/batch_norm.h"
#include "models/layers/conv.h"
#include "models/layers/linear.h"
#include "models/layers/pooling.h"
#include "models/layers/text.h"
#include "models/model_spec.h"

namespace ingrad {
namespace {

struct Depth {
  int layers;
  bool bottleneck;
  std::array<int, 4> blocks;
};
constexpr Depth kDepths[] = {{18, false, {2, 2, 2, 2}},
                             {34, false, {3, 4, 6, 3}},
                             {50, true, {3, 4, 6, 3}},
                             {101, true, {3, 4, 23, 3}},
                             {152, true, {3, 8, 36, 3}}};
constexpr std::int64_t kExpansion = 4;  // of a bottleneck

const Depth& depth_of(int layers, Location where) {
  for (const Depth& d : kDepths) {
    if (d.layers == layers) return d;
  }
  throw Error(fmt::format("resnet: {} layers; expected 18, 34, 50, 101 or 152", layers), where);
}

std::unique_ptr<Conv2d> conv(std::int64_t in, std::int64_t out, std::int64_t kernel,
                             std::int64_t stride, DType dtype) {
  return std::make_unique<Conv2d>(
      in, out, IntList{kernel},
      ConvLayerOptions{.stride = {stride},
                       .padding = {kernel / 2},
                       .bias = false,
                       .dtype = dtype,
                       .initial_weight = init::kaiming_normal(
                           {.fan = init::Fan::out, .nonlinearity = init::Nonlinearity::relu})});
}

std::unique_ptr<BatchNorm> norm(std::int64_t channels, DType dtype, double initial_weight = 1) {
  return std::make_unique<BatchNorm>(
      channels, BatchNormOptions{.dtype = dtype, .initial_weight = initial_weight});
}

// relu(F(x) + x), F being a chain of convolutions with batch norm and ReLU between them; where F
// changes the shape, x goes through a 1x1 convolution with batch norm.
class Block : public Module {
 public:
  struct Step {
    std::int64_t in, out, kernel, stride;
  };

  Block(std::span<const Step> steps, const ResNetOptions& o) {
    std::int64_t stride = 1;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Step& s = steps[i];
      const bool last = i + 1 == steps.size();
      stride *= s.stride;
      steps_.push_back(&add_module(fmt::format("conv{}", i + 1),
                                   conv(s.in, s.out, s.kernel, s.stride, o.dtype)));
      steps_.push_back(&add_module(fmt::format("bn{}", i + 1),
                                   norm(s.out, o.dtype, last && o.zero_init_residual ? 0 : 1)));
    }
    const std::int64_t in = steps.front().in, out = steps.back().out;
    if (stride == 1 && in == out) return;
    auto path = std::make_unique<Sequential>();
    path->append(conv(in, out, 1, stride, o.dtype));
    path->append(norm(out, o.dtype));
    downsample_ = &add_module("downsample", std::move(path));
  }

  std::string describe() const override { return steps_.size() == 4 ? "BasicBlock" : "Bottleneck"; }

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override {
    Tensor y = x;
    for (std::size_t i = 0; i < steps_.size(); i += 2) {
      y = steps_[i + 1]->run(steps_[i]->run(y, pass), pass);
      if (i + 2 < steps_.size()) y = relu(y);
    }
    return relu(y + (downsample_ == nullptr ? x : downsample_->run(x, pass)));
  }

  std::vector<const Module*> steps_;  // convolution, batch norm, convolution, ...
  const Module* downsample_ = nullptr;
};

std::unique_ptr<Block> make_block(bool bottleneck, std::int64_t in, std::int64_t width,
                                  std::int64_t stride, const ResNetOptions& o) {
  if (bottleneck) {
    const Block::Step steps[] = {
        {in, width, 1, 1}, {width, width, 3, stride}, {width, kExpansion * width, 1, 1}};
    return std::make_unique<Block>(steps, o);
  }
  const Block::Step steps[] = {{in, width, 3, stride}, {width, width, 3, 1}};
  return std::make_unique<Block>(steps, o);
}

}  // namespace

ResNet::ResNet(int depth, const Shape& input, std::int64_t outputs, const ResNetOptions& o,
               Location where) {
  const Depth& d = depth_of(depth, where);
  check_image_model(fmt::format("resnet{}", depth), input, outputs, 1, where);
  constexpr std::int64_t kWidest = 1 << 12;
  if (o.width < 1 || o.width > kWidest) {
    throw Error(fmt::format("resnet{}: width {}; expected 1 to {}", depth, o.width, kWidest),
                where);
  }
  const bool cifar = o.stem == ResNetStem::cifar;
  append("conv1", conv(input[0], o.width, cifar ? 3 : 7, cifar ? 1 : 2, o.dtype));
  append("bn1", norm(o.width, o.dtype));
  append("relu", std::make_unique<Activation>("relu"));
  if (!cifar) {
    append("maxpool",
           std::make_unique<MaxPool2d>(IntList{3}, MaxPoolOptions{.stride = {2}, .padding = {1}}));
  }
  std::int64_t channels = o.width;
  for (int i = 0; i < 4; ++i) {
    const std::int64_t width = o.width << i;
    auto layer = std::make_unique<Sequential>();
    for (int b = 0; b < d.blocks[static_cast<std::size_t>(i)]; ++b) {
      layer->append(make_block(d.bottleneck, channels, width, i > 0 && b == 0 ? 2 : 1, o));
      channels = d.bottleneck ? kExpansion * width : width;
    }
    append(fmt::format("layer{}", i + 1), std::move(layer));
  }
  append("avgpool", std::make_unique<GlobalAvgPool>());
  append("fc", std::make_unique<Linear>(channels, outputs, LinearOptions{.dtype = o.dtype}, where));
  description_ = fmt::format(
      "ResNet{}({}, {}, stem={}{}{}{})", depth, input.str(), outputs, cifar ? "cifar" : "imagenet",
      option_text("width", o.width, std::int64_t{64}),
      option_text("zero_init_residual", o.zero_init_residual, false), dtype_option(o.dtype));
}

}  // namespace ingrad
