// SPDX-License-Identifier: Apache-2.0
// Views, slices, joins: values, sharing of storage, derivatives, errors.
#include <gtest/gtest.h>

#include "engine/differentiate.h"
#include "engine/gradcheck.h"
#include "engine/ops/concat.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

using Values = std::vector<double>;

Tensor counting(const Shape& shape) {
  Values v(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<double>(i);
  return Tensor::from<double>(v, shape);
}

bool shares(const Tensor& a, const Tensor& b) { return a.impl().storage == b.impl().storage; }

TEST(Reshape, IsAViewWheneverStridesAllow) {
  const Tensor x = counting(Shape{2, 3, 4});
  const Tensor y = reshape(x, {-1, 2, 2});
  EXPECT_EQ(y.shape(), (Shape{6, 2, 2}));
  EXPECT_TRUE(shares(x, y));
  // Merging axes that do not lie evenly spaced needs a copy; splitting one does not.
  const Tensor t = permute(x, {2, 0, 1});
  EXPECT_TRUE(shares(x, t));
  const Tensor merged = reshape(t, {24});
  EXPECT_FALSE(shares(x, merged));
  EXPECT_EQ(merged.to_vector<double>(), t.to_vector<double>());
  const Tensor divided = reshape(t, {2, 2, 1, 6});
  EXPECT_TRUE(shares(x, divided));
  EXPECT_EQ(divided.to_vector<double>(), t.to_vector<double>());
  const Tensor column = slice(x, 2, {1, 2});
  EXPECT_TRUE(shares(x, reshape(column, {6})));
  EXPECT_EQ(reshape(column, {6}).to_vector<double>(), (Values{1, 5, 9, 13, 17, 21}));
}

TEST(Reshape, HandlesEmptyAndScalar) {
  EXPECT_EQ(reshape(Tensor::zeros(Shape{0, 3}), {3, 0, 7}).shape(), (Shape{3, 0, 7}));
  EXPECT_EQ(reshape(Tensor::zeros(Shape{}), {1, 1}).shape(), (Shape{1, 1}));
  EXPECT_EQ(reshape(Tensor::zeros(Shape{1, 1}), {}).shape(), Shape{});
  EXPECT_EQ(flatten(Tensor::zeros(Shape{2, 3, 4}), 1).shape(), (Shape{2, 12}));
  EXPECT_EQ(flatten(Tensor::zeros(Shape{2, 3, 4}), 0, -2).shape(), (Shape{6, 4}));
  EXPECT_EQ(flatten(Tensor::zeros(Shape{})).shape(), Shape{1});
  EXPECT_EQ(squeeze(Tensor::zeros(Shape{1, 2, 1})).shape(), Shape{2});
  EXPECT_EQ(squeeze(Tensor::zeros(Shape{1, 2, 1}), {-1}).shape(), (Shape{1, 2}));
  EXPECT_EQ(unsqueeze(Tensor::zeros(Shape{2, 3}), -1).shape(), (Shape{2, 3, 1}));
}

TEST(Reshape, RefusesWhatDoesNotFit) {
  const Tensor x = counting(Shape{2, 3});
  EXPECT_THROW(reshape(x, {4, 2}), Error);
  EXPECT_THROW(reshape(x, {-1, -1}), Error);
  EXPECT_THROW(reshape(x, {-1, 4}), Error);
  EXPECT_THROW(reshape(x, {-2, 3}), Error);
  EXPECT_THROW(reshape(Tensor::zeros(Shape{0}), {0, -1}), Error);
  EXPECT_THROW(squeeze(x, {0}), Error);
  EXPECT_THROW(flatten(x, 1, 0), Error);
  EXPECT_THROW(permute(x, {0, 0}), Error);
  EXPECT_THROW(permute(x, {0}), Error);
  EXPECT_THROW(transpose(x, 0, 2), Error);
}

TEST(Permute, OrdersAxes) {
  const Tensor x = counting(Shape{2, 3, 4});
  EXPECT_EQ(permute(x, {-1, 0, 1}).shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(transpose(counting(Shape{2, 3}), 0, 1).to_vector<double>(), (Values{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(move_axis(x, 0, -1).shape(), (Shape{3, 4, 2}));
  EXPECT_EQ(move_axis(x, -1, 0).shape(), (Shape{4, 2, 3}));
}

TEST(Expand, RepeatsWithoutCopying) {
  const Tensor x = counting(Shape{3, 1});
  const Tensor y = expand(x, {2, -1, 2});
  EXPECT_TRUE(shares(x, y));
  EXPECT_EQ(y.to_vector<double>(), (Values{0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(reshape(y, {12}).to_vector<double>(), y.to_vector<double>());
  EXPECT_EQ(expand(Tensor::zeros(Shape{1}), {0}).shape(), Shape{0});
  EXPECT_THROW(expand(x, {2, 2}), Error);
  EXPECT_THROW(expand(x, {3}), Error);
  EXPECT_THROW(expand(x, {-1, 3, 1}), Error);
}

// All bounds and steps of a short axis against the definition.
TEST(Slice, HasPythonsMeaning) {
  for (const std::int64_t n : {0, 1, 5}) {
    const Tensor x = counting(Shape{n});
    for (std::int64_t start = -7; start <= 8; ++start) {
      for (std::int64_t stop = -7; stop <= 8; ++stop) {
        for (const std::int64_t step : {-6, -2, -1, 1, 2, 6}) {
          // 8 stands for a bound that is left out.
          Slice s{.step = step};
          if (start != 8) s.start = start;
          if (stop != 8) s.stop = stop;
          const auto clip = [&](std::int64_t v) {
            if (v < 0) v += n;
            return std::min(std::max<std::int64_t>(v, step > 0 ? 0 : -1), step > 0 ? n : n - 1);
          };
          const std::int64_t first = s.start ? clip(start) : (step > 0 ? 0 : n - 1);
          const std::int64_t last = s.stop ? clip(stop) : (step > 0 ? n : -1);
          Values expected;
          for (std::int64_t i = first; step > 0 ? i < last : i > last; i += step) {
            expected.push_back(static_cast<double>(i));
          }
          EXPECT_EQ(slice(x, 0, s).to_vector<double>(), expected)
              << n << ": " << start << ":" << stop << ":" << step;
        }
      }
    }
  }
}

TEST(Slice, TakesExtremeBounds) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  const Tensor x = counting(Shape{3});
  EXPECT_EQ(slice(x, 0, {kMin, kMax}).to_vector<double>(), (Values{0, 1, 2}));
  EXPECT_EQ(slice(x, 0, {kMin, kMax, kMax}).to_vector<double>(), Values{0});
  EXPECT_EQ(slice(x, 0, {kMax, kMin, kMin}).to_vector<double>(), Values{2});
  EXPECT_THROW(slice(x, 0, {0, 1, 0}), Error);
  EXPECT_THROW(slice(x, {Slice{}, Slice{}}), Error);
}

TEST(Slice, SelectsNarrowsAndSplits) {
  const Tensor x = counting(Shape{2, 5});
  EXPECT_EQ(select(x, 1, -1).to_vector<double>(), (Values{4, 9}));
  EXPECT_TRUE(shares(x, select(x, 1, -1)));
  EXPECT_EQ(narrow(x, 1, 1, 2).to_vector<double>(), (Values{1, 2, 6, 7}));
  EXPECT_THROW(select(x, 1, 5), Error);
  EXPECT_THROW(narrow(x, 1, 4, 2), Error);
  const auto parts = split(x, {2, 0, 3}, 1);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[2].to_vector<double>(), (Values{2, 3, 4, 7, 8, 9}));
  EXPECT_EQ(split_every(x, 2, 1).back().shape(), (Shape{2, 1}));
  EXPECT_EQ(chunk(x, 3, 1).size(), 3u);
  EXPECT_EQ(chunk(x, 4, 1).size(), 3u);  // parts of two: 2, 2, 1
  EXPECT_THROW(split(x, {2, 2}, 1), Error);
  EXPECT_THROW(split_every(x, 0, 1), Error);
}

TEST(Flip, ReversesAndIsItsOwnInverse) {
  const Tensor x = counting(Shape{2, 3});
  EXPECT_EQ(flip(x, {1}).to_vector<double>(), (Values{2, 1, 0, 5, 4, 3}));
  EXPECT_EQ(flip(x, {-1, 0}).to_vector<double>(), (Values{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(flip(flip(x, {0, 1}), {0, 1}).to_vector<double>(), x.to_vector<double>());
  EXPECT_TRUE(flip(x, {}).same_as(x));
  EXPECT_THROW(flip(x, {0, -2}), Error);
}

TEST(Embed, PlacesAndUndoesSlices) {
  const Tensor x = counting(Shape{1, 2});
  EXPECT_EQ(embed(x, {1, 0}, {0, 1}, {0, 1}, 9).to_vector<double>(),
            (Values{9, 9, 9, 9, 0, 9, 1, 9}));
  EXPECT_THROW(embed(x, {-1, 0}, {0, 0}), Error);
  EXPECT_THROW(embed(x, {1}, {1}), Error);
  EXPECT_THROW(embed(x, {std::int64_t{1} << 62, 0}, {std::int64_t{1} << 62, 0}), Error);
}

TEST(Concat, JoinsViewsOfEveryDType) {
  for (const DType t : {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i32, DType::i64,
                        DType::u8, DType::boolean}) {
    const Tensor a = Tensor::full(Shape{2, 1}, 1, t), b = Tensor::zeros(Shape{2, 2}, t);
    EXPECT_EQ(concat({a, b}, 1).to_vector<double>(), (Values{1, 0, 0, 1, 0, 0})) << name_of(t);
  }
  const Tensor x = counting(Shape{2, 3});
  EXPECT_EQ(concat({transpose(x, 0, 1), expand(Tensor::full(Shape{}, 7, DType::f64), {1, 2})})
                .to_vector<double>(),
            (Values{0, 3, 1, 4, 2, 5, 7, 7}));
  EXPECT_EQ(stack({x, x}, -1).shape(), (Shape{2, 3, 2}));
  EXPECT_EQ(stack({x, x}).shape(), (Shape{2, 2, 3}));
}

TEST(Concat, RefusesWhatDoesNotFit) {
  const Tensor x = counting(Shape{2, 3});
  EXPECT_THROW(concat(std::span<const Tensor>{}), Error);
  EXPECT_THROW(concat({x, counting(Shape{2, 4})}), Error);
  EXPECT_THROW(concat({x, counting(Shape{3})}), Error);
  EXPECT_THROW(concat({x, Tensor::zeros(Shape{2, 3})}), Error);
  EXPECT_THROW(concat({x, x}, 2), Error);
  EXPECT_THROW(stack({x, counting(Shape{3, 2})}), Error);
}

void expect_derivatives(const MultiFn& f, std::vector<Tensor> inputs) {
  const GradcheckResult r = gradcheck(f, inputs);
  EXPECT_TRUE(r.ok) << r.message;
}

TEST(ShapeOps, DerivativesOfCompositions) {
  const Tensor x = counting(Shape{3, 4});
  expect_derivatives(
      [](std::span<const Tensor> in) {
        return std::vector<Tensor>{slice(in[0], {{-1, -4, -2}, {1, std::nullopt, 2}})};
      },
      {x});
  expect_derivatives(
      [](std::span<const Tensor> in) {
        const Tensor y = concat({in[0], flip(in[1], {0})}, 1);
        return std::vector<Tensor>{embed(transpose(y, 0, 1), {1, 0}, {0, 2}, {1, 0}, 3.0)};
      },
      {x, counting(Shape{3, 2})});
}

}  // namespace
}  // namespace ingrad
