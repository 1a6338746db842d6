// SPDX-License-Identifier: Apache-2.0
#include "attribution/maps/guided_grad_cam.h"

#include <algorithm>

#include "attribution/rules/guided.h"
#include "engine/ops/elementwise.h"

namespace ingrad {

Attribution explain_guided_grad_cam(const ModelFn& model, const Tensor& x, const CamOptions& o,
                                    const ExplainOptions& options, Location where) {
  CamOptions at_input = o;
  at_input.resize = true;
  const Attribution map = explain_cam(model, x, CamRule::grad_cam, at_input, options, where);
  Attribution a = explain_guided_backprop(model, x, options, where);
  a.method = "guided_grad_cam";
  a.values = contiguous(a.values * map.values);
  a.dead = map.dead;
  a.seconds += map.seconds;
  a.cost.forward_rows += map.cost.forward_rows;
  a.cost.gradient_rows += map.cost.gradient_rows;
  a.cost.batch_rows = std::max(a.cost.batch_rows, map.cost.batch_rows);
  a.cost.peak_bytes = std::max(a.cost.peak_bytes, map.cost.peak_bytes);
  return a;
}

}  // namespace ingrad
