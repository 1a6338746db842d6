// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/module.h"

namespace ingrad {

// Axes first..last (inclusive; negative ones count from the end) as one: by default [N, ...] to
// [N, features].
class Flatten : public Module {
 public:
  explicit Flatten(std::int64_t first = 1, std::int64_t last = -1) : first_(first), last_(last) {}
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  std::int64_t first_, last_;
};

}  // namespace ingrad
