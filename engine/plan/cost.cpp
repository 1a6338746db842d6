// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/cost.h"

#include <cmath>
#include <string>

namespace ingrad {
namespace {

double elements_from(const Shape& s, int axis) {
  double n = 1;
  for (int i = axis; i < s.rank(); ++i) n *= static_cast<double>(s[i]);
  return n;
}

}  // namespace

double product_flops(const Program& program) {
  double multiply_adds = 0;
  for (const ProgramCall& call : program.calls) {
    const auto input = [&](std::size_t i) -> const Shape& {
      return program.spec(call.inputs[i]).shape;
    };
    const Shape& output = program.spec(call.outputs[0]).shape;
    std::string name = call.op->name;
    if (name.back() == '+') name.pop_back();  // a fused form
    if (name == "lanes_conv") name = call.attrs.flag("mirrored") ? "conv_data_grad" : "conv";
    if (name == "conv") {
      multiply_adds += static_cast<double>(output.size()) * elements_from(input(1), 1);
    } else if (name == "conv_data_grad") {
      multiply_adds += static_cast<double>(input(0).size()) * elements_from(input(1), 1);
    } else if (name == "conv_weight_grad") {
      multiply_adds += static_cast<double>(input(1).size()) * elements_from(output, 1);
    } else if (name == "matmul" || name == "linear") {
      multiply_adds +=
          static_cast<double>(output.size()) * static_cast<double>(input(0)[input(0).rank() - 1]);
    } else if (name == "winograd") {
      const double tiles = std::ceil(static_cast<double>(output[2]) / 4) *
                           std::ceil(static_cast<double>(output[3]) / 4);
      multiply_adds += 36 * tiles * static_cast<double>(output[0]) *
                       static_cast<double>(input(1)[0] * input(1)[1]);
    }
  }
  return 2 * multiply_adds;
}

}  // namespace ingrad
