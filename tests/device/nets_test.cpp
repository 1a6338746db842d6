// SPDX-License-Identifier: Apache-2.0
// Whole models on a device: eager and planned gradients are those of the CPU.
#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/losses.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "engine/plan/plan.h"
#include "engine/random.h"
#include "models/catalog.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

constexpr Device kDevice{Device::Kind::cuda, 0};

struct NetParam {
  const char* model;
  Shape sample;
  DType dtype = DType::f32;
};

class DeviceNets : public ::testing::TestWithParam<NetParam> {
 protected:
  void SetUp() override {
    const NetParam& p = GetParam();
    net_ = make_model({p.model, p.sample, 10, p.dtype}, 3);
  }
  std::vector<Tensor> inputs(std::int64_t rows) const {
    std::vector<std::int64_t> extents = {rows};
    for (const std::int64_t e : GetParam().sample) extents.push_back(e);
    const RandomKey key{.seed = 1};
    return {random_normal(extents, key, 0, 1, GetParam().dtype),
            random_integers({rows, 1}, key, 0, 10)};
  }
  // Logits, and the gradient of one of each row.
  GraphFn gradient() const {
    return [this](std::span<const Tensor> in) {
      return std::vector{
          (*net_)(in[0]),
          grad([&](const Tensor& x) { return sum(gather((*net_)(x), 1, in[1])); }, in[0])};
    };
  }
  std::unique_ptr<Module> net_;
};

std::vector<Tensor> moved(const std::vector<Tensor>& tensors, Device device) {
  std::vector<Tensor> there;
  for (const Tensor& t : tensors) there.push_back(t.to(device));
  return there;
}
std::vector<TensorSpec> specs_of(const std::vector<Tensor>& tensors) {
  std::vector<TensorSpec> specs;
  for (const Tensor& t : tensors) specs.push_back(t.spec());
  return specs;
}

constexpr double kTolerance = 1e-4;  // of f32

// The worst difference of outputs. Of f32 gradients, that of the worst row but one: a unit whose
// input is zero up to rounding may be on here and off there, and change the gradient of its row.
// f64 shows that nothing else does.
double net_error(const Tensor& got, const Tensor& expected, bool is_gradient) {
  const std::int64_t rows = expected.dim(0);
  if (!is_gradient || rows == 1 || expected.dtype() == DType::f64) {
    return worst_error(got, expected);
  }
  const double scale = amax(abs(expected), {}).item();
  std::vector<double> errors;
  for (std::int64_t r = 0; r < rows; ++r) {
    errors.push_back(worst_error(slice(got, 0, {r, r + 1}), slice(expected, 0, {r, r + 1}), scale));
  }
  std::nth_element(errors.begin(), errors.end() - 2, errors.end());
  return errors[errors.size() - 2];
}

TEST_P(DeviceNets, EagerAndPlannedGradientsAreThoseOfTheCpu) {
  const double tolerance = GetParam().dtype == DType::f64 ? 1e-11 : kTolerance;
  for (const std::int64_t rows : {1, 5}) {
    const std::vector<Tensor> here = inputs(rows);
    net_->to({});
    const std::vector<Tensor> expected = gradient()(here);
    net_->to(kDevice);
    const std::vector<Tensor> there = moved(here, kDevice);
    const std::vector<Tensor> eager = gradient()(there);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(eager[i].device(), kDevice);
      EXPECT_LE(net_error(eager[i], expected[i], i == 1), tolerance)
          << rows << " rows, output " << i;
    }
    const auto plan = compile(gradient(), specs_of(there), {.poison = true});
    Workspace workspace(plan);
    EXPECT_EQ(plan->device(), kDevice);
    const std::vector<Tensor> first = workspace.run(there);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(first[i].device(), kDevice);
      EXPECT_LE(net_error(first[i], expected[i], i == 1), tolerance)
          << rows << " rows, output " << i;
    }
    EXPECT_THROW(workspace.run(here), Error);
    // Replays: the same bits, into the same arrays.
    const void* const given[] = {there[0].raw(), there[1].raw()};
    const DeviceScope scope(kDevice);
    const DType dtype = GetParam().dtype;
    const Tensor logits = Tensor::zeros(first[0].shape(), dtype);
    const Tensor gradients = Tensor::zeros(first[1].shape(), dtype);
    void* const wanted[] = {logits.mutable_raw(), gradients.mutable_raw()};
    for (int run = 0; run < 4; ++run) {
      const std::int64_t before = device_memory(kDevice).allocations;
      workspace.run(given, wanted, rows);
      EXPECT_EQ(device_memory(kDevice).allocations, before);
      expect_same_bits(moved({logits, gradients}, {}), moved(first, {}), "run");
      logits.assign(Tensor::zeros(logits.shape(), dtype));
      gradients.assign(Tensor::zeros(gradients.shape(), dtype));
    }
  }
}

TEST_P(DeviceNets, RowsOfAPlanDoNotDependOnTheirNumber) {
  const std::vector<Tensor> here = inputs(7);
  net_->to(kDevice);
  const std::vector<Tensor> there = moved(here, kDevice);
  const auto plan = compile(gradient(), specs_of(there));
  const auto capped = compile(gradient(), specs_of(there), {.tile_rows = 2});
  Workspace all(plan), pairs(capped);
  expect_same_bits(moved(pairs.run(there), {}), moved(all.run(there), {}), "tiles of two rows");
}

// Without logits beside it, the gradient of a multilayer perceptron is one kernel.
TEST(DevicePlans, MlpGradientsAreOneKernel) {
  for (const char* model : {"mlp:64-64-64-10", "mlp:17-33-10", "mlp:100-129-250-31-7"}) {
    const std::int64_t width = std::atoll(model + 4);
    const auto net =
        make_model({model, Shape{width}, std::string(model).ends_with("-7") ? 7 : 10}, 3);
    const GraphFn f = [&](std::span<const Tensor> in) {
      return std::vector{
          grad([&](const Tensor& x) { return sum(gather((*net)(x), 1, in[1])); }, in[0])};
    };
    const RandomKey key{.seed = 1};
    for (const std::int64_t rows : {1, 37}) {
      const std::vector<Tensor> here = {random_normal({rows, width}, key),
                                        random_integers({rows, 1}, key, 0, 7)};
      net->to({});
      const std::vector<Tensor> expected = f(here);
      net->to(kDevice);
      const std::vector<Tensor> there = moved(here, kDevice);
      const auto plan = compile(f, specs_of(there), {.poison = true});
      EXPECT_NE(plan->kernels().find("mlp_gradient"), std::string::npos) << plan->kernels();
      EXPECT_EQ(plan->tiles().back().instructions.size(), 1u) << plan->kernels();
      Workspace workspace(plan);
      EXPECT_LE(net_error(workspace.run(there)[0], expected[0], true), kTolerance) << model;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Nets, DeviceNets,
    ::testing::Values(NetParam{"mlp:17-33-10", Shape{17}}, NetParam{"mlp:64-64-64-10", Shape{64}},
                      NetParam{"lenet5", Shape{1, 28, 28}}, NetParam{"cnn3", Shape{3, 16, 16}},
                      NetParam{"resnet18:stem=cifar,width=8", Shape{3, 16, 16}},
                      NetParam{"mlp:64-64-64-10", Shape{64}, DType::f64},
                      NetParam{"cnn3", Shape{3, 16, 16}, DType::f64},
                      NetParam{"resnet18:stem=cifar,width=8", Shape{3, 16, 16}, DType::f64}),
    [](const auto& p) {
      const std::string dtype(name_of(p.param.dtype));
      return test_name({p.param.model + ("_" + dtype), p.index});
    });

TEST(DevicePlans, RefuseInputsOfTwoDevices) {
  const std::vector<TensorSpec> specs = {{Shape{2, 3}, DType::f32, kDevice},
                                         {Shape{2, 3}, DType::f32, {}}};
  const GraphFn f = [](std::span<const Tensor> in) { return std::vector{in[0] + in[1]}; };
  EXPECT_THROW(compile(f, specs), Error);
}

}  // namespace
}  // namespace ingrad
