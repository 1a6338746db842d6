// SPDX-License-Identifier: Apache-2.0
// Exponential moving average of parameters, as torch.optim.swa_utils with get_ema_multi_avg_fn.
#pragma once

#include "engine/named_tensor.h"

namespace ingrad {

class MovingAverage {
 public:
  // Starts as a copy of `parameters` (f32 or f64, contiguous). 0 <= decay < 1.
  MovingAverage(const NamedTensors& parameters, double decay,
                Location where = Location::current());
  // average += (1 - decay) (parameter - average), for the parameters given at construction.
  void update();
  // The averages, under the parameters' names: live tensors, also to be restored by assign.
  const NamedTensors& averages() const { return averages_; }

 private:
  NamedTensors parameters_;
  NamedTensors averages_;
  double decay_;
};

}  // namespace ingrad
