// SPDX-License-Identifier: Apache-2.0
#include "models/lenet.h"

#include "models/layers/activation.h"
#include "models/layers/conv.h"
#include "models/layers/flatten.h"
#include "models/layers/linear.h"
#include "models/layers/pooling.h"
#include "models/layers/text.h"
#include "models/model_spec.h"

namespace ingrad {

LeNet5::LeNet5(const Shape& input, std::int64_t outputs, const LeNet5Options& o, Location where) {
  constexpr std::int64_t kKernel = 5, kFull = 32;
  check_image_model("lenet5", input, outputs, 1, where);
  const std::int64_t padding = o.padding.value_or(input[1] < kFull || input[2] < kFull ? 2 : 0);
  std::int64_t features = 16;
  for (const std::int64_t size : {input[1], input[2]}) {
    const std::int64_t after_first = (size + 2 * padding - kKernel + 1) / 2;
    const std::int64_t after_second = (after_first - kKernel + 1) / 2;
    if (padding < 0 || after_second < 1) {
      throw Error(fmt::format("lenet5: input {} with padding {} is too small for two 5x5 "
                              "convolutions, each with a pooling by 2",
                              input.str(), padding),
                  where);
    }
    features *= after_second;
  }
  const auto conv = [&](std::int64_t in, std::int64_t out, std::int64_t pad) {
    return std::make_unique<Conv2d>(in, out, IntList{kKernel},
                                    ConvLayerOptions{.padding = {pad}, .dtype = o.dtype}, where);
  };
  const auto linear = [&](std::int64_t in, std::int64_t out) {
    return std::make_unique<Linear>(in, out, LinearOptions{.dtype = o.dtype}, where);
  };
  const auto relu = [] { return std::make_unique<Activation>("relu"); };
  const auto pool = [] { return std::make_unique<MaxPool2d>(IntList{2}); };
  append("conv1", conv(input[0], 6, padding));
  append("relu1", relu());
  append("pool1", pool());
  append("conv2", conv(6, 16, 0));
  append("relu2", relu());
  append("pool2", pool());
  append("flatten", std::make_unique<Flatten>());
  append("fc1", linear(features, 120));
  append("relu3", relu());
  append("fc2", linear(120, 84));
  append("relu4", relu());
  append("fc3", linear(84, outputs));
  description_ = fmt::format("LeNet5({}, {}, padding={}{})", input.str(), outputs, padding,
                             dtype_option(o.dtype));
}

}  // namespace ingrad
