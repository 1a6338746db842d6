// SPDX-License-Identifier: Apache-2.0
// Tensors on a device: moves, views, errors, memory.
#include <gtest/gtest.h>

#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/random.h"

namespace ingrad {
namespace {

constexpr Device kDevice{Device::Kind::cuda, 0};

template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}
#define EXPECT_ERROR(expression, text) \
  EXPECT_NE(error_of([&] { expression; }).find(text), std::string::npos) << error_of([&] { expression; })

TEST(DeviceTensors, MoveThereAndBack) {
  for (const DType t : {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i32, DType::i64,
                        DType::u8, DType::boolean}) {
    const Tensor x = cast(Tensor::arange(24, DType::f64), t).as_strided(Shape{4, 6}, {6, 1}, 0);
    const Tensor there = x.to(kDevice);
    EXPECT_EQ(there.device(), kDevice);
    EXPECT_EQ(there.to({}).to_vector<double>(), x.to_vector<double>());
    EXPECT_EQ(there.to_vector<double>(), x.to_vector<double>());
    EXPECT_EQ(transpose(there, 0, 1).to_vector<double>(), transpose(x, 0, 1).to_vector<double>());
    EXPECT_EQ(transpose(x, 0, 1).to(kDevice).to_vector<double>(),
              transpose(x, 0, 1).to_vector<double>());
    EXPECT_TRUE(there.to(kDevice).same_as(there));
  }
  EXPECT_EQ(Tensor::zeros({0, 3}).to(kDevice).to_vector<float>().size(), 0u);
}

TEST(DeviceTensors, AreMadeOnTheCurrentDevice) {
  const DeviceScope scope(kDevice);
  EXPECT_EQ(Tensor::full({3}, 2).device(), kDevice);
  EXPECT_EQ(Tensor::full({3}, 2).to_vector<float>(), (std::vector<float>{2, 2, 2}));
  EXPECT_EQ(Tensor::arange(3).to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(Tensor::from({1.5f, 2.5f}, {2}).to_vector<float>(), (std::vector<float>{1.5f, 2.5f}));
  EXPECT_EQ(Tensor::scalar(7).item(), 7);
  const RandomKey key{.seed = 3};
  const Tensor r = random_normal({5, 33}, key);
  EXPECT_EQ(r.device(), kDevice);
  const DeviceScope host{Device{}};
  EXPECT_EQ(random_normal({5, 33}, key).to_vector<float>(), r.to_vector<float>());
}

TEST(DeviceTensors, GradientsCrossDevices) {
  const Tensor x = Tensor::from({1.f, 2.f, 3.f}, {3}).track();
  const Tensor y = sum(square(x.to(kDevice)));
  EXPECT_EQ(y.device(), kDevice);
  const Tensor g = gradient(y, x);
  EXPECT_EQ(g.device(), Device{});
  EXPECT_EQ(g.to_vector<float>(), (std::vector<float>{2, 4, 6}));
}

TEST(DeviceTensors, AssignKeepsTheDevice) {
  const Tensor x = Tensor::zeros({2, 2}).to(kDevice);
  const Tensor view = x;
  x.assign(Tensor::from({1.f, 2.f, 3.f, 4.f}, {2, 2}).to(kDevice));
  EXPECT_EQ(view.to_vector<float>(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_ERROR(x.assign(Tensor::zeros({2, 2})), "assign");
}

TEST(DeviceTensors, WrongDevicesAreErrors) {
  const Tensor here = Tensor::ones({2, 2}), there = here.to(kDevice);
  EXPECT_ERROR(here + there, "is on cuda:0, input 0 on cpu");
  EXPECT_ERROR(there.data<float>(), "call to()");
  EXPECT_ERROR(here.to({Device::Kind::cuda, 99}), "cuda:99 is not there");
  EXPECT_ERROR(DeviceScope({Device::Kind::cuda, 99}), "cuda:99 is not there");
}

TEST(DeviceTensors, TooLargeOnesSayWhatWasAskedAndLoseNothing) {
  const Tensor kept = Tensor::ones({16}).to(kDevice);
  {
    const DeviceScope scope(kDevice);
    EXPECT_ERROR(Tensor::empty({std::int64_t{1} << 40}), "out of memory on cuda:0, asked for");
  }
  EXPECT_EQ(sum(kept).item(), 16);
}

TEST(DeviceTensors, MemoryIsCountedAndReused) {
  synchronize(kDevice);
  const std::int64_t before = device_memory(kDevice).live;
  {
    const DeviceScope scope(kDevice);
    const Tensor x = Tensor::empty({1 << 20});
    EXPECT_GE(device_memory(kDevice).live, before + (4 << 20));
  }
  synchronize(kDevice);
  EXPECT_EQ(device_memory(kDevice).live, before);
}

}  // namespace
}  // namespace ingrad
