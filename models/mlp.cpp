// SPDX-License-Identifier: Apache-2.0
#include "models/mlp.h"

#include "models/layers/activation.h"
#include "models/layers/batch_norm.h"
#include "models/layers/dropout.h"
#include "models/layers/flatten.h"
#include "models/layers/linear.h"
#include "models/layers/text.h"

namespace ingrad {

Mlp::Mlp(std::vector<std::int64_t> widths, const MlpOptions& o, Location where)
    : widths_(std::move(widths)), options_(o) {
  if (widths_.size() < 2) {
    throw Error(
        fmt::format("mlp: {} widths; expected at least those of input and output", widths_.size()),
        where);
  }
  append("flatten", std::make_unique<Flatten>());
  for (std::size_t i = 1; i < widths_.size(); ++i) {
    append(fmt::format("{}{}", o.layer, i),
           std::make_unique<Linear>(widths_[i - 1], widths_[i], LinearOptions{.dtype = o.dtype},
                                    where));
    if (i + 1 == widths_.size()) break;
    if (o.batch_norm) {
      append(fmt::format("bn{}", i),
             std::make_unique<BatchNorm>(widths_[i], BatchNormOptions{.dtype = o.dtype}, where));
    }
    append(fmt::format("act{}", i), std::make_unique<Activation>(o.activation, where));
    if (o.dropout != 0) {
      append(fmt::format("drop{}", i), std::make_unique<Dropout>(o.dropout, where));
    }
  }
}

std::string Mlp::describe() const {
  return fmt::format("Mlp({}{}{}{}{})", fmt::join(widths_, ", "),
                     option_text("activation", options_.activation, std::string("relu")),
                     option_text("dropout", options_.dropout, 0.0),
                     option_text("batch_norm", options_.batch_norm, false),
                     dtype_option(options_.dtype));
}

}  // namespace ingrad
