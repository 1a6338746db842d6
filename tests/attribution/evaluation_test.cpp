// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "attribution/evaluation/curves.h"
#include "attribution/evaluation/regions.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"

namespace ingrad {
namespace {

TEST(Regions, ShareOfConstructedMaps) {
  const Tensor a = Tensor::from<float>({1, -3, 0, 4, 2, 2, 0, 0}, Shape{2, 4});
  const Tensor mask =
      Tensor::from<bool>({true, true, false, false, false, false, false, false}, Shape{2, 4});
  const RegionShare r = share_in_mask(a, mask);
  EXPECT_DOUBLE_EQ(r.share[0], 0.5);
  EXPECT_TRUE(std::isnan(r.share[1]));
  EXPECT_EQ(r.undefined, 1);
  EXPECT_DOUBLE_EQ(r.mean, 0.5);
  EXPECT_DOUBLE_EQ(share_in_mask(a, mask, true).share[0], 0.2);
  EXPECT_DOUBLE_EQ(top_share_in_mask(a, mask, 0.5).share[0], 0.5);
  EXPECT_THROW(share_in_mask(a, Tensor::zeros(Shape{2, 4})), Error);
  EXPECT_THROW(top_share_in_mask(a, mask, 0), Error);
}

// P16: the true attribution of an additive model beats its reverse.
TEST(Curves, OraclesWinAndReversalsLose) {
  const Tensor weights = Tensor::from<float>({4, 3, 2, 1}, Shape{1, 4});
  const ModelFn model = [&](const Tensor& x) { return sum(x * weights, {1}, true); };
  const Tensor x = Tensor::ones(Shape{1, 4});
  const CurveOptions options{.scalar = ScalarKind::logit, .steps = 4};
  const Curves oracle = deletion_insertion(model, x, weights, {0}, options);
  const Curves reversed = deletion_insertion(model, x, neg(weights), {0}, options);
  EXPECT_EQ(oracle.deletion, (std::vector<double>{10, 6, 3, 1, 0}));
  EXPECT_EQ(oracle.insertion, (std::vector<double>{0, 4, 7, 9, 10}));
  EXPECT_DOUBLE_EQ(oracle.deletion_area[0], (10 / 2.0 + 6 + 3 + 1) / 4);
  EXPECT_LT(oracle.deletion_area[0], reversed.deletion_area[0]);
  EXPECT_GT(oracle.insertion_area[0], reversed.insertion_area[0]);
  CurveOptions least = options;
  least.least_first = true;
  EXPECT_EQ(deletion_insertion(model, x, weights, {0}, least).deletion, reversed.deletion);
  EXPECT_THROW(deletion_insertion(model, x, weights, {0, 1}, options), Error);
}

}  // namespace
}  // namespace ingrad
