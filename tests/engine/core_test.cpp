// SPDX-License-Identifier: Apache-2.0
// Shapes, dtypes, storage, tensors, attributes, the op table.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/attrs.h"
#include "engine/convert.h"
#include "engine/differentiate.h"
#include "engine/op.h"
#include "engine/tensor.h"

namespace ingrad {
namespace {

TEST(Shape, KnowsItsSizeAndPrints) {
  const Shape s{2, 3, 4};
  EXPECT_EQ(s.rank(), 3);
  EXPECT_EQ(s.size(), 24);
  EXPECT_EQ(s.str(), "[2, 3, 4]");
  EXPECT_EQ(Shape{}.size(), 1);
  EXPECT_EQ((Shape{0, 5}.size()), 0);
  EXPECT_EQ(s.without(1), (Shape{2, 4}));
  EXPECT_EQ(s.with_inserted(3, 7), (Shape{2, 3, 4, 7}));
}

TEST(Shape, RefusesWhatItCannotHold) {
  EXPECT_THROW((Shape{1, 2, 3, 4, 5, 6, 7, 8, 9}), Error);
  EXPECT_THROW((Shape{2, -1}), Error);
  const std::int64_t big = std::int64_t{1} << 40;
  EXPECT_THROW((Shape{big, big}), Error);
  EXPECT_THROW((Shape{0, big, big}), Error);
}

TEST(Shape, Broadcasts) {
  EXPECT_EQ(broadcast_shapes("add", Shape{2, 1, 4}, Shape{3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast_shapes("add", Shape{0}, Shape{1}), Shape{0});
  try {
    broadcast_shapes("add", Shape{2, 3}, Shape{4});
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("[2, 3]"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("core_test.cpp"), std::string::npos) << e.what();
  }
}

TEST(DType, PromotesLikeItsUsersExpect) {
  EXPECT_EQ(promote(DType::f16, DType::bf16), DType::f32);
  EXPECT_EQ(promote(DType::i64, DType::f16), DType::f16);
  EXPECT_EQ(promote(DType::boolean, DType::u8), DType::u8);
  EXPECT_EQ(promote(DType::f64, DType::f32), DType::f64);
  EXPECT_THROW(dtype_from_name("f31"), Error);
}

TEST(Convert, HalfFormatsRoundTripEveryBitPattern) {
  for (int i = 0; i < 65536; ++i) {
    const auto h = static_cast<std::uint16_t>(i);
    const float f = from_f16(h);
    if (!std::isnan(f)) {
      EXPECT_EQ(to_f16(f), h) << i;
    }
    const float b = from_bf16(h);
    if (!std::isnan(b)) {
      EXPECT_EQ(to_bf16(b), h) << i;
    }
  }
  EXPECT_EQ(to_f16(65519.0f), 0x7bff);
  EXPECT_EQ(to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(to_f16(0x1p-25f), 0);        // ties to even
  EXPECT_EQ(to_f16(0x1.8p-25f), 1);
  EXPECT_TRUE(std::isnan(from_f16(to_f16(NAN))));
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(NAN))));
}

TEST(Convert, IntegersSaturate) {
  EXPECT_EQ(convert_to<std::int32_t>(1e20), INT32_MAX);
  EXPECT_EQ(convert_to<std::int64_t>(-1e30), INT64_MIN);
  EXPECT_EQ(convert_to<std::uint8_t>(-3), 0);
  EXPECT_EQ(convert_to<std::int32_t>(NAN), 0);
}

TEST(Tensor, HoldsValuesOfEveryDType) {
  for (const DType t : {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i32, DType::i64,
                        DType::u8, DType::boolean}) {
    const Tensor x = Tensor::full(Shape{2, 3}, 1, t);
    EXPECT_EQ(x.to_vector<double>(), std::vector<double>(6, 1.0)) << name_of(t);
    EXPECT_EQ(x.dtype(), t);
  }
  const std::int64_t big = (std::int64_t{1} << 60) + 1;
  EXPECT_EQ((Tensor::from<std::int64_t>({big}, Shape{1}).to_vector<std::int64_t>()[0]), big);
}

TEST(Tensor, ViewsShareStorage) {
  const Tensor x = Tensor::from<float>({1, 2, 3, 4, 5, 6}, Shape{2, 3});
  const Tensor t = x.as_strided(Shape{3, 2}, {1, 3}, 0);
  EXPECT_FALSE(t.is_contiguous());
  EXPECT_EQ(t.to_vector<float>(), (std::vector<float>{1, 4, 2, 5, 3, 6}));
  x.assign(Tensor::full(Shape{2, 3}, 7));
  EXPECT_EQ(t.to_vector<float>(), std::vector<float>(6, 7.0f));
}

TEST(Tensor, ErrorsNameWhatWasWrong) {
  EXPECT_THROW(Tensor::from<float>({1, 2}, Shape{3}), Error);
  EXPECT_THROW(Tensor::full(Shape{2}, 1).item(), Error);
  EXPECT_THROW(Tensor::full(Shape{2}, 1).data<double>(), Error);
  EXPECT_THROW(Tensor().spec(), Error);
  EXPECT_THROW(Tensor::full(Shape{2}, 1).assign(Tensor::full(Shape{3}, 1)), Error);
}

TEST(Storage, RecyclesAndCounts) {
  const MemoryStats before = memory_stats();
  {
    const Tensor x = Tensor::empty(Shape{1000});
    EXPECT_GE(memory_stats().live, before.live + 4000);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(x.raw()) % 64, 0u);
  }
  EXPECT_EQ(memory_stats().live, before.live);
}

TEST(Storage, RecyclesBlocksUpToTheLimit) {
  constexpr std::int64_t kBytes = 3 << 20;
  trim_memory();
  { const auto block = Storage::allocate(kBytes); }
  const MemoryStats before = memory_stats();
  EXPECT_GE(before.cached, kBytes);
  { const auto block = Storage::allocate(kBytes - 5); }
  EXPECT_EQ(memory_stats().allocations, before.allocations + 1);
  EXPECT_EQ(memory_stats().from_system, before.from_system);
  set_memory_cache_limit(1000);
  EXPECT_EQ(memory_stats().cached, 0);
  {
    const auto large = Storage::allocate(kBytes);
    const auto small = Storage::allocate(100);
  }
  EXPECT_EQ(memory_stats().from_system, before.from_system + 2);
  EXPECT_GE(memory_stats().cached, 100);
  EXPECT_LE(memory_stats().cached, 1000);
  set_memory_cache_limit(-1);
}

TEST(Storage, AdoptsMemoryAndReleasesIt) {
  float data[3] = {1, 2, 3};
  bool released = false;
  {
    const Tensor x = Tensor::view_of(
        Storage::adopt(data, sizeof data, [&](void*) { released = true; }), {Shape{3}, DType::f32, {}});
    EXPECT_EQ(x.data<float>(), data);
  }
  EXPECT_TRUE(released);
}

TEST(Attrs, AreTypedAndPrint) {
  const Attrs a{{"axes", Attr::Ints{0, 1}}, {"keepdim", true}, {"eps", 0.5}, {"n", 3}};
  EXPECT_EQ(a.str(), "axes=[0, 1], keepdim=true, eps=0.5, n=3");
  EXPECT_EQ(a.number("n"), 3.0);
  EXPECT_THROW(a.flag("axes"), Error);
  EXPECT_THROW(a.integer("missing"), Error);
}

TEST(OpTable, SuggestsNames) {
  try {
    find_op("tapp");
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("\"tap\""), std::string::npos) << e.what();
  }
}

TEST(Tape, LongChainsAreReleasedWithoutRecursion) {
  Tensor x = Tensor::full(Shape{1}, 1).track();
  for (int i = 0; i < 200000; ++i) x = tap(x, "t");
  EXPECT_TRUE(x.is_tracked());
}

}  // namespace
}  // namespace ingrad
