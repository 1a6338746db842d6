// SPDX-License-Identifier: Apache-2.0
#include "engine/optim/moving_average.h"

#include <fmt/format.h>

#include "engine/optim/checks.h"
#include "engine/optim/loops.h"

namespace ingrad {

MovingAverage::MovingAverage(const NamedTensors& parameters, double decay, Location where)
    : parameters_(parameters), decay_(decay) {
  optim::check_fraction("moving average", "decay", decay, where);
  for (const NamedTensor& p : parameters_) {
    const DType t = p.tensor.dtype();
    if ((t != DType::f32 && t != DType::f64) || !p.tensor.is_contiguous()) {
      throw Error(fmt::format("moving average: {} must be contiguous and f32 or f64", p.name),
                  where);
    }
    Tensor copy = Tensor::empty(p.tensor.shape(), t, where);
    copy.assign(p.tensor, where);
    averages_.push_back({p.name, std::move(copy)});
  }
}

void MovingAverage::update() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& from = parameters_[i].tensor;
    optim::with_float_type(from.dtype(), [&]<class T>(T) {
      const T* p = from.data<T>();
      T* average = averages_[i].tensor.mutable_data<T>();
      const T weight = static_cast<T>(1 - decay_);
      optim::for_elements(from.size(), 4, [=](std::int64_t e) {
        average[e] = optim::lerp(average[e], p[e], weight);
      });
    });
  }
}

}  // namespace ingrad
