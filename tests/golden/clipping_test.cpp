// SPDX-License-Identifier: Apache-2.0
// Gradient clipping by norm and value, and moving averages of weights.
#include <gtest/gtest.h>

#include <limits>

#include "engine/ops/slice.h"
#include "engine/optim/clipping.h"
#include "engine/optim/moving_average.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

constexpr std::pair<DType, double> kPrecisions[] = {{DType::f64, kF64Tolerance},
                                                    {DType::f32, 1e-5}};

// The cases of one kind, each in both precisions; fails when there are none.
void for_cases(std::string_view op,
               const std::function<void(const Case&, DType, double tolerance)>& body) {
  int count = 0;
  for (const Case& c : read("clipping").cases) {
    if (c.op != op) continue;
    for (const auto& [dtype, tolerance] : kPrecisions) body(c, dtype, tolerance);
    ++count;
  }
  EXPECT_GT(count, 0) << "no case of " << op;
}

std::vector<Tensor> gradients_of(const Case& c, DType dtype) {
  std::vector<Tensor> gradients;
  for (const Tensor& g : c.inputs) gradients.push_back(as_dtype(g, dtype));
  return gradients;
}

TEST(GoldenClipping, ByNorm) {
  for_cases("clip_grad_norm", [](const Case& c, DType dtype, double tolerance) {
    std::vector<Tensor> gradients = gradients_of(c, dtype);
    const auto& type = c.attrs["norm_type"];
    const double p = type.is_string() ? std::numeric_limits<double>::infinity() : type.get<double>();
    const double norm = clip_gradient_norm(gradients, c.attrs["max_norm"], p);
    EXPECT_NEAR(norm, c.outputs[0].item(), tolerance * c.outputs[0].item()) << c.id;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      EXPECT_EQ(gradients[i].dtype(), dtype);
      expect_close(gradients[i], c.outputs[i + 1], tolerance, c.id);
    }
  });
}

TEST(GoldenClipping, ByValue) {
  for_cases("clip_grad_value", [](const Case& c, DType dtype, double tolerance) {
    std::vector<Tensor> gradients = gradients_of(c, dtype);
    clip_gradient_value(gradients, c.attrs["clip_value"]);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      EXPECT_EQ(gradients[i].dtype(), dtype);
      expect_close(gradients[i], c.outputs[i], tolerance, c.id);
    }
  });
}

TEST(GoldenClipping, MovingAverageStepByStep) {
  for_cases("moving_average", [](const Case& c, DType dtype, double tolerance) {
    const Tensor sequence = as_dtype(c.inputs[0], dtype);
    const Tensor parameter = Tensor::zeros({sequence.dim(1)}, dtype);
    parameter.assign(select(sequence, 0, 0));
    MovingAverage average({{"p", parameter}}, c.attrs["decay"]);
    for (std::int64_t t = 0; t < sequence.dim(0); ++t) {
      if (t > 0) {
        parameter.assign(select(sequence, 0, t));
        average.update();
      }
      expect_close(average.averages()[0].tensor, select(c.outputs[0], 0, t), tolerance,
                   c.id + " after update " + std::to_string(t));
    }
  });
}

}  // namespace
}  // namespace ingrad::golden
