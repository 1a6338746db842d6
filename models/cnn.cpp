// SPDX-License-Identifier: Apache-2.0
#include "models/cnn.h"

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

// Appends convN, bnN if wanted, reluN and poolN.
void append_block(Sequential& to, int number, std::int64_t in, std::int64_t out, bool bias,
                  bool batch_norm, DType dtype, Location where) {
  to.append(fmt::format("conv{}", number),
            std::make_unique<Conv2d>(in, out, IntList{3},
                                     ConvLayerOptions{.padding = {1}, .bias = bias, .dtype = dtype},
                                     where));
  if (batch_norm) {
    to.append(fmt::format("bn{}", number),
              std::make_unique<BatchNorm>(out, BatchNormOptions{.dtype = dtype}, where));
  }
  to.append(fmt::format("relu{}", number), std::make_unique<Activation>("relu"));
  to.append(fmt::format("pool{}", number), std::make_unique<MaxPool2d>(IntList{2}));
}

void check_width(std::string_view model, std::int64_t width, Location where) {
  constexpr std::int64_t kWidest = 1 << 16;
  if (width < 1 || width > kWidest) {
    throw Error(fmt::format("{}: width {}; expected 1 to {}", model, width, kWidest), where);
  }
}

}  // namespace

Cnn::Cnn(const Shape& input, std::int64_t outputs, const CnnOptions& o, Location where) {
  check_image_model("cnn", input, outputs, 4, where);
  check_width("cnn", o.width, where);
  check_width("cnn: hidden layer", o.hidden, where);
  append_block(*this, 1, input[0], o.width, true, o.batch_norm, o.dtype, where);
  append_block(*this, 2, o.width, 2 * o.width, true, o.batch_norm, o.dtype, where);
  const std::int64_t features = 2 * o.width * (input[1] / 4) * (input[2] / 4);
  const LinearOptions linear{.dtype = o.dtype};
  append("flatten", std::make_unique<Flatten>());
  append("fc1", std::make_unique<Linear>(features, o.hidden, linear, where));
  append("relu3", std::make_unique<Activation>("relu"));
  if (o.dropout != 0) append("drop", std::make_unique<Dropout>(o.dropout, where));
  append("fc2", std::make_unique<Linear>(o.hidden, outputs, linear, where));
  description_ = fmt::format("Cnn({}, {}, width={}, hidden={}{}{}{})", input.str(), outputs,
                             o.width, o.hidden, option_text("batch_norm", o.batch_norm, false),
                             option_text("dropout", o.dropout, 0.0), dtype_option(o.dtype));
}

Cnn3::Cnn3(const Shape& input, std::int64_t outputs, const Cnn3Options& o, Location where) {
  check_image_model("cnn3", input, outputs, 8, where);
  check_width("cnn3", o.width, where);
  std::int64_t channels = input[0];
  for (int i = 1; i <= 3; ++i) {
    const std::int64_t out = o.width << (i - 1);
    append_block(*this, i, channels, out, false, true, o.dtype, where);
    channels = out;
  }
  append("mean", std::make_unique<GlobalAvgPool>());
  append("fc", std::make_unique<Linear>(channels, outputs, LinearOptions{.dtype = o.dtype}, where));
  description_ =
      fmt::format("Cnn3({}, {}, width={}{})", input.str(), outputs, o.width, dtype_option(o.dtype));
}

}  // namespace ingrad
