// SPDX-License-Identifier: Apache-2.0
// Every op of the table on a device: values and gradients are those of the CPU up to rounding, and
// the same bits each time.
#include <algorithm>

#include "engine/builder.h"
#include "engine/device.h"
#include "engine/differentiate.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

constexpr Device kDevice{Device::Kind::cuda, 0};

std::vector<Tensor> on_device(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> moved;
  for (const Tensor& t : tensors) moved.push_back(t.to(kDevice));
  return moved;
}
std::vector<Tensor> on_host(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> moved;
  for (const Tensor& t : tensors) moved.push_back(t.defined() ? t.to({}) : t);
  return moved;
}

class DeviceOps : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    op_ = &find_op(GetParam());
    samples_ = op_->samples();
  }
  // Of the outputs, with ones as cotangents.
  std::vector<Tensor> gradients_at(const Sample& s, const std::vector<Tensor>& inputs) const {
    const DeviceScope scope(inputs.empty() ? Device{} : inputs[0].device());
    const MultiFn f = [&](std::span<const Tensor> in) { return apply(*op_, s.attrs, in); };
    std::vector<Tensor> ones;
    for (const Tensor& o : f(inputs)) {
      ones.push_back(is_floating(o.dtype()) ? Tensor::full(o.shape(), 1, o.dtype()) : Tensor());
    }
    return vjp(f, inputs, ones).cotangents;
  }
  const OpDef* op_ = nullptr;
  std::vector<Sample> samples_;
};

void expect_close(const std::vector<Tensor>& got, const std::vector<Tensor>& expected,
                  double tolerance, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t k = 0; k < got.size(); ++k) {
    ASSERT_EQ(got[k].defined(), expected[k].defined()) << what;
    if (!got[k].defined()) continue;
    EXPECT_EQ(got[k].device(), kDevice) << what;
    EXPECT_EQ(got[k].shape(), expected[k].shape()) << what;
    EXPECT_EQ(got[k].dtype(), expected[k].dtype()) << what;
    EXPECT_LE(worst_error(got[k], expected[k], 1e-3), tolerance) << what << " output " << k;
  }
}

TEST_P(DeviceOps, ValuesAreThoseOfTheCpu) {
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    if (s.inputs.empty()) continue;
    const std::string what = describe(*op_, s, i);
    expect_close(apply(*op_, s.attrs, on_device(s.inputs)), apply(*op_, s.attrs, s.inputs), 1e-10,
                 what + " f64");
    const std::vector<Tensor> f32 = as_dtype(s.inputs, DType::f32);
    const std::vector<Tensor> once = apply(*op_, s.attrs, on_device(f32));
    expect_close(once, apply(*op_, s.attrs, f32), 4 * s.f32_tolerance, what + " f32");
    expect_same_bits(on_host(apply(*op_, s.attrs, on_device(f32))), on_host(once), what);
  }
}

TEST_P(DeviceOps, HalfPrecisionIsThatOfTheCpu) {
  for (const DType t : {DType::bf16, DType::f16}) {
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      const Sample& s = samples_[i];
      if (s.inputs.empty()) continue;
      const std::vector<Tensor> inputs = as_dtype(s.inputs, t);
      std::vector<Tensor> expected;
      try {
        expected = apply(*op_, s.attrs, inputs);
      } catch (const Error&) {
        continue;  // not for half precision, which its other tests know of
      }
      // One unit in the last place of bf16, where a result lies between two.
      expect_close(apply(*op_, s.attrs, on_device(inputs)), expected, 1.0 / 128,
                   describe(*op_, s, i));
    }
  }
}

TEST_P(DeviceOps, GradientsAreThoseOfTheCpu) {
  if (!op_->differentiable()) GTEST_SKIP() << op_->name << " is not differentiable";
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    if (!s.differentiable || s.inputs.empty()) continue;
    expect_close(gradients_at(s, on_device(s.inputs)), gradients_at(s, s.inputs), 1e-9,
                 describe(*op_, s, i));
  }
}

INSTANTIATE_TEST_SUITE_P(AllOps, DeviceOps, ::testing::ValuesIn(op_names()), test_name);

}  // namespace
}  // namespace ingrad
