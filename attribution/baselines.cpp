// SPDX-License-Identifier: Apache-2.0
#include "attribution/baselines.h"

#include <fmt/format.h>

#include "engine/device.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/pad.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {

std::vector<Tensor> baseline_rows(std::string_view method, const std::vector<Tensor>& baselines,
                                  const Tensor& x, Location where) {
  const DeviceScope here(Device{});
  std::vector<Tensor> rows;
  for (const Tensor& given : baselines) {
    if (!given.defined()) throw Error(fmt::format("{}: a baseline is undefined", method), where);
    Shape common;
    try {
      common = broadcast_shapes(method, given.shape(), x.shape(), where);
    } catch (const Error&) {
      common = Shape{};
    }
    if (common != x.shape()) {
      throw Error(fmt::format("{}: baseline {} does not broadcast to inputs {}", method,
                              given.shape().str(), x.shape().str()),
                  where);
    }
    rows.push_back(contiguous(expand(cast(given.detach().to({}), DType::f32), x.shape())));
  }
  if (rows.empty()) rows.push_back(Tensor::zeros(x.shape()));
  return rows;
}

std::vector<Tensor> baseline_rows(const ExplainRun& run, const std::vector<Tensor>& baselines) {
  const Tensor once = narrow(run.inputs(), 0, 0, run.samples() / run.classes());
  std::vector<Tensor> rows = baseline_rows(run.method(), baselines, once, run.where());
  if (run.classes() == 1) return rows;
  for (Tensor& t : rows) t = contiguous(repeat_interleave(t, run.classes(), 0));
  return rows;
}

}  // namespace ingrad
