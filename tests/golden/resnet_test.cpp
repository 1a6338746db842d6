// SPDX-License-Identifier: Apache-2.0
// ResNet-18 with both stems: names of the state, logits and input gradients.
#include <gtest/gtest.h>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "models/catalog.h"
#include "tests/golden/formula.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

Tensor by_formula(const std::string& name, const Shape& shape) {
  return Tensor::from(formula(name, shape.extents()), shape);
}

class ResNet18 : public testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Golden, ResNet18, testing::Values(DType::f32, DType::f64),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST_P(ResNet18, AgreesWithPyTorch) {
  const DType dtype = GetParam();
  const double tolerance = dtype == DType::f64 ? kF64Tolerance : 1e-5;
  ASSERT_EQ(read("resnet18").cases.size(), 2u);
  for (const Case& c : read("resnet18").cases) {
    SCOPED_TRACE(c.id);
    const std::string stem = c.attrs["stem"];
    const std::int64_t classes = c.attrs["num_classes"];
    const Shape image = c.grads[0].shape();
    const auto model = build_model({"resnet18:stem=" + stem, image.without(0), classes, dtype});
    NamedTensors state;
    std::vector<std::string> names;
    for (const auto& [name, tensor] : model->state()) {
      state.push_back({name, by_formula(name, tensor.shape())});
      names.push_back(name);
    }
    if (stem == "cifar") {
      EXPECT_EQ(names, c.attrs["state"].get<std::vector<std::string>>());
    }
    model->load_state(state);

    const Tensor picture = by_formula(c.attrs["input_name"], image);
    EXPECT_EQ(narrow(picture, 2, 0, 2).to_vector<float>(), c.inputs[0].to_vector<float>());
    const Tensor x = cast(picture, dtype).track();
    const Tensor y = (*model)(x);
    expect_close(y, c.outputs[0], tolerance, "logits");
    const Tensor chosen = sum(gather(y, 1, unsqueeze(c.inputs[1], 1)));
    expect_close(gradient(chosen, x), c.grads[0], tolerance, "input gradient");
  }
}

}  // namespace
}  // namespace ingrad::golden
