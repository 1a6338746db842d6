// SPDX-License-Identifier: Apache-2.0
// What ops refuse: each message names the op and the offending numbers, and the location is the
// caller's.
#include <gtest/gtest.h>

#include <functional>

#include "engine/op.h"
#include "engine/ops/concat.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/losses.h"
#include "engine/ops/matmul.h"
#include "engine/ops/norm.h"
#include "engine/ops/pad.h"
#include "engine/ops/pool.h"
#include "engine/ops/random.h"
#include "engine/ops/reduce.h"
#include "engine/ops/resize.h"
#include "engine/ops/scan.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/ops/softmax.h"
#include "engine/ops/sort.h"

namespace ingrad {
namespace {

struct Refusal {
  std::string name;  // of the case
  std::function<void()> call;
  std::vector<std::string> mentions;
};

Tensor f32(const Shape& shape) { return Tensor::zeros(shape); }
Tensor i64(std::initializer_list<std::int64_t> values) {
  return Tensor::from(values, Shape{static_cast<std::int64_t>(values.size())});
}

std::vector<Refusal> refusals() {
  const std::int64_t huge = std::int64_t{1} << 40;
  // clang-format off
  return {
      {"AddShapes", [] { add(f32({2, 3}), f32({2, 4})); },
       {"add", "[2, 3]", "[2, 4]"}},
      {"AddUndefined", [] { add(Tensor(), f32({2})); },
       {"add", "first", "undefined"}},
      {"MulUndefined", [] { mul(f32({2}), Tensor()); },
       {"mul", "second", "undefined"}},
      {"PowUndefined", [] { pow(Tensor(), 2.0); },
       {"square", "undefined"}},
      {"PowUndefinedExponent", [] { pow(f32({2}), Tensor()); },
       {"pow", "second", "undefined"}},
      {"WhereUndefined", [] { where(f32({2}), 1.0, Tensor()); },
       {"where", "undefined"}},
      {"ReluUndefined", [] { relu(Tensor()); },
       {"relu", "undefined"}},
      {"ReshapeSize", [] { reshape(f32({2, 3}), {4, 2}); },
       {"reshape", "[2, 3]"}},
      {"ReshapeTwoUnknown", [] { reshape(f32({2, 3}), {-1, -1}); },
       {"reshape"}},
      {"ReshapeOverflow", [=] { reshape(f32({2}), {huge, huge}); },
       {}},
      {"PermuteTwice", [] { permute(f32({2, 3}), {0, 0}); },
       {"permute"}},
      {"PermuteRank", [] { permute(f32({2, 3}), {0}); },
       {"permute"}},
      {"ExpandExtent", [] { expand(f32({2, 3}), {2, 5}); },
       {"expand", "[2, 3]"}},
      {"SqueezeExtent", [] { squeeze(f32({2, 3}), {1}); },
       {"squeeze"}},
      {"SliceStep", [] { slice(f32({4}), {{0, 4, 0}}); },
       {"step"}},
      {"NarrowBeyond", [] { narrow(f32({4}), 0, 3, 2); },
       {"narrow", "3", "2"}},
      {"SplitSum", [] { split(f32({4}), {1, 2}); },
       {"split", "4"}},
      {"ConcatShapes", [] { concat(std::vector{f32({2, 3}), f32({2, 4})}, 0); },
       {"concat"}},
      {"ConcatNothing", [] { concat(std::vector<Tensor>{}, 0); },
       {"concat"}},
      {"StackShapes", [] { stack(std::vector{f32({2}), f32({3})}, 0); },
       {"stack"}},
      {"PadReflect", [] { pad(f32({1, 3}), {{0, 0}, {3, 0}}, PadMode::reflect); },
       {"pad", "3"}},
      {"PadCrop", [] { pad(f32({3}), {{-2, -2}}); },
       {"pad", "-2"}},
      {"RollCounts", [] { roll(f32({3}), {1, 2}, {0}); },
       {"roll", "2", "1"}},
      {"TileNegative", [] { tile(f32({3}), {-1}); },
       {"tile", "-1"}},
      {"SumAxis", [] { sum(f32({2, 3}), {2}); },
       {"sum", "2"}},
      {"SumAxisTwice", [] { sum(f32({2, 3}), {0, -2}); },
       {"sum"}},
      {"MeanOfIntegers", [] { mean(i64({1, 2})); },
       {"mean", "i64"}},
      {"ArgmaxAxis", [] { argmax(f32({2}), 1); },
       {"argmax", "1"}},
      {"MaxOfNothing", [] { amax(f32({0, 3}), {0}); },
       {}},
      {"CumsumAxis", [] { cumsum(f32({2}), 3); },
       {"cumsum", "3"}},
      {"SoftmaxAxis", [] { softmax(f32({2, 3}), 2); },
       {"softmax", "2"}},
      {"SortAxis", [] { sort(f32({2}), 1); },
       {"sort", "1"}},
      {"TopkCount", [] { topk(f32({2, 3}), 4); },
       {"topk", "4", "3"}},
      {"MatmulInner", [] { matmul(f32({32, 784}), f32({512, 10})); },
       {"matmul", "784", "512"}},
      {"MatmulDtypes", [] { matmul(f32({2, 2}), Tensor::zeros({2, 2}, DType::f64)); },
       {"matmul", "f32", "f64"}},
      {"EinsumLetters", [] { einsum("ij,jk->il", std::vector{f32({2, 3}), f32({3, 4})}); },
       {"einsum"}},
      {"EinsumExtents", [] { einsum("ij,jk->ik", std::vector{f32({2, 3}), f32({4, 4})}); },
       {"einsum"}},
      {"ConvChannels", [] { conv2d(f32({1, 3, 8, 8}), f32({4, 2, 3, 3})); },
       {"conv", "3", "2"}},
      {"ConvKernelTooLarge", [] { conv2d(f32({1, 1, 2, 2}), f32({1, 1, 3, 3})); },
       {"conv"}},
      {"ConvStride", [] { conv2d(f32({1, 1, 4, 4}), f32({1, 1, 3, 3}), {}, {.stride = {0}}); },
       {"conv2d", "stride", "0"}},
      {"ConvGroups", [] { conv2d(f32({1, 3, 4, 4}), f32({2, 3, 3, 3}), {}, {.groups = 2}); },
       {"conv"}},
      {"ConvBias", [] { conv1d(f32({1, 1, 4}), f32({2, 1, 3}), f32({3})); },
       {"conv", "3"}},
      {"TransposeOutputPadding", [] { conv_transpose1d(f32({1, 1, 4}), f32({1, 1, 3}), {}, {.output_padding = {1}}); },
       {"conv_transpose1d", "output_padding", "1"}},
      {"PoolPadding", [] { max_pool2d(f32({1, 1, 4, 4}), {2}, {.padding = {2}}); },
       {"max_pool", "2"}},
      {"PoolTooLarge", [] { avg_pool2d(f32({1, 1, 2, 2}), {3}); },
       {"avg_pool2d", "3"}},
      {"PoolRank", [] { max_pool2d(f32({4, 4}), {2}); },
       {"max_pool2d"}},
      {"AdaptivePoolSize", [] { adaptive_avg_pool2d(f32({1, 1, 4, 4}), {-2}); },
       {"-2"}},
      {"ResizeCorners", [] { resize(f32({1, 1, 4, 4}), {8, 8}, {.align_corners = true}); },
       {"resize", "align_corners"}},
      {"UpsampleFactor", [] { upsample(f32({1, 1, 4, 4}), -1.0); },
       {"upsample", "-1"}},
      {"LayerNormShape", [] { layer_norm(f32({2, 3}), {4}); },
       {"layer_norm", "4"}},
      {"GroupNormGroups", [] { group_norm(f32({2, 3, 4}), 2); },
       {"group_norm", "2", "3"}},
      {"BatchNormOneValue", [] { batch_norm_train(f32({1, 3}), {}, {}); },
       {"batch_norm"}},
      {"GatherIndex", [] { gather(f32({3}), 0, i64({0, 3})); },
       {"gather", "3"}},
      {"GatherNegative", [] { gather(f32({3}), 0, i64({-1})); },
       {"gather", "-1"}},
      {"EmbeddingIndex", [] { embedding(f32({3, 2}), i64({5})); },
       {"embedding", "5", "3"}},
      {"IndexSelectDtype", [] { index_select(f32({3}), 0, f32({1})); },
       {"index_select", "f32"}},
      {"OneHotIndex", [] { one_hot(i64({4}), 3); },
       {"one_hot", "4", "3"}},
      {"CrossEntropyClass", [] { cross_entropy(f32({2, 3}), i64({0, 3})); },
       {"cross_entropy", "3"}},
      {"CrossEntropyTargets", [] { cross_entropy(f32({2, 3}), i64({0})); },
       {"cross_entropy"}},
      {"MseShapes", [] { mse_loss(f32({2, 3}), f32({2})); },
       {"mse_loss", "[2, 3]", "[2]"}},
      {"DropoutProbability", [] { dropout(f32({2}), 1.5, {}); },
       {"dropout", "1.5"}},
      {"NegativeExtent", [] { Tensor::zeros(Shape{2, -1}); },
       {"-1"}},
      {"TooManyAxes", [] { Tensor::zeros(Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}); },
       {}},
  };
  // clang-format on
}

class OpErrors : public testing::TestWithParam<std::size_t> {};

TEST_P(OpErrors, NameOpNumbersAndCaller) {
  const Refusal refusal = refusals()[GetParam()];
  try {
    refusal.call();
    FAIL() << "accepted";
  } catch (const Error& e) {
    for (const std::string& part : refusal.mentions) {
      EXPECT_NE(e.message().find(part), std::string::npos) << part << " in: " << e.message();
    }
    EXPECT_NE(std::string(e.where().file_name()).find("op_errors_test.cpp"), std::string::npos)
        << e.where().file_name() << ": " << e.message();
  }
}

INSTANTIATE_TEST_SUITE_P(All, OpErrors, testing::Range<std::size_t>(0, refusals().size()),
                         [](const auto& test) { return refusals()[test.param].name; });

TEST(NanChecks, NameTheOpThatMadeIt) {
  const bool before = nan_checks();
  set_nan_checks(true);
  try {
    log(Tensor::full({2}, -1));
    ADD_FAILURE() << "a NaN went by";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("log"), std::string::npos) << e.message();
    EXPECT_NE(std::string(e.where().file_name()).find("op_errors_test.cpp"), std::string::npos);
  }
  set_nan_checks(before);
  EXPECT_NO_THROW(log(Tensor::full({2}, -1)));
}

}  // namespace
}  // namespace ingrad
