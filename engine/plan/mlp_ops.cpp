// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/compute.h"
#include "engine/parallel.h"
#include "engine/plan/fused_ops.h"
#include "kernels/mlp_gradient.h"

namespace ingrad {

const OpDef& mlp_gradient_form() {
  static const OpDef def = [] {
    OpDef d;
    d.name = "mlp_gradient";
    d.min_inputs = 2;
    d.max_inputs = -1;
    d.doc = "Gradient of one output per row of a multilayer perceptron, in one kernel.";
    d.infer = [](const Attrs&, std::span<const TensorSpec> in, Location) {
      return std::vector<TensorSpec>{in[0]};
    };
    d.eval = [](const EvalArgs& e) {
      const Tensor x = dense(e.inputs[0], DType::f32), index = dense(e.inputs[1], DType::i64);
      const Tensor dx = Tensor::empty(x.shape(), DType::f32, e.where);
      kernels::MlpGradientArgs a;
      a.x = x.raw();
      a.index = static_cast<const std::int64_t*>(index.raw());
      a.dx = dx.mutable_raw();
      a.rows = x.shape()[0];
      a.layers = static_cast<int>(e.attrs.integer("layers"));
      a.width[0] = x.shape()[1];
      const auto layers = static_cast<std::size_t>(a.layers);
      const Attr::Ints& biased = e.attrs.ints("biased");
      std::size_t bias = 2 + layers;
      for (std::size_t l = 0; l < layers; ++l) {
        a.weight[l] = e.inputs[2 + l].raw();
        a.width[l + 1] = e.inputs[2 + l].shape()[0];
        if (l < biased.size() && biased[l] != 0) a.bias[l] = e.inputs[bias++].raw();
      }
      run_kernel(kernels::mlp_gradient, e.backend, DType::f32, a, e.where);
      return std::vector<Tensor>{dx};
    };
    return d;
  }();
  return def;
}

}  // namespace ingrad
