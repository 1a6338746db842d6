// SPDX-License-Identifier: Apache-2.0
#include "datasets/loader.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "tests/engine/io_testing.h"

namespace ingrad {
namespace {

// n pictures of two channels, 4 x 5; each pixel tells where it comes from.
Dataset pictures(std::int64_t n) {
  Dataset d;
  d.name = "pictures";
  d.inputs = Tensor::empty({n, 2, 4, 5}, DType::u8);
  for (std::int64_t i = 0; i < d.inputs.size(); ++i) {
    d.inputs.mutable_data<std::uint8_t>()[i] =
        static_cast<std::uint8_t>(1 + i % 40 + 40 * (i / 40 % 6));
  }
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < n; ++i) labels.push_back(i % 3);
  d.labels = Tensor::from(labels, {n});
  d.classes = {"a", "b", "c"};
  return d;
}

Dataset table(std::int64_t n) {
  Dataset d;
  d.name = "table";
  d.inputs = Tensor::empty({n, 3});
  for (std::int64_t i = 0; i < 3 * n; ++i)
    d.inputs.mutable_data<float>()[i] = static_cast<float>(i);
  d.labels = Tensor::full({n, 1}, 0.5);
  return d;
}

TEST(DatasetTest, ChecksWhatItHolds) {
  EXPECT_EQ(checked(pictures(3)).size(), 3);
  EXPECT_FALSE(checked(table(3)).is_classification());
  Dataset d = pictures(3);
  d.labels.mutable_data<std::int64_t>()[1] = 3;
  expect_error([&] { checked(d); }, "label 3 of sample 1, expected 0 to 2");
  d = pictures(3);
  d.labels = Tensor::zeros({4}, DType::i64);
  expect_error([&] { checked(d); }, "labels i64[4], expected i64[3]");
  d = table(4);
  d.inputs.mutable_data<float>()[7] = std::nanf("");
  expect_error([&] { checked(d); }, "a value of sample 2 is not finite");
  expect_error([] { checked(Dataset{}); }, "missing");
}

TEST(DatasetTest, SelectAndSplit) {
  const Dataset d = pictures(90);
  const std::vector<std::int64_t> rows{5, 0, 5};
  const Dataset s = select_rows(d, rows);
  EXPECT_EQ(s.labels.to_vector<int>(), (std::vector<int>{2, 0, 2}));
  EXPECT_EQ(s.inputs.data<std::uint8_t>()[0], d.inputs.data<std::uint8_t>()[5 * 40]);
  const std::vector<std::int64_t> beyond{90};
  expect_error([&] { select_rows(d, beyond); }, "no sample 90, there are 90");
  EXPECT_EQ(first_rows(d, 7).size(), 7);
  EXPECT_EQ(first_rows(d, 1000).size(), 90);
  EXPECT_EQ(first_rows(d, 0).size(), 0);

  const auto [a, b] = split_rows(d, 0.7, 1);
  EXPECT_EQ(a.size(), 63);
  EXPECT_EQ(b.size(), 27);
  const auto [c, e] = split_rows(d, 0.7, 1, true);
  EXPECT_EQ(class_counts(c), (std::vector<std::int64_t>{21, 21, 21}));
  EXPECT_EQ(class_counts(e), (std::vector<std::int64_t>{9, 9, 9}));
  EXPECT_EQ(a.labels.to_vector<int>(), split_rows(d, 0.7, 1).first.labels.to_vector<int>());
  EXPECT_NE(a.inputs.to_vector<int>(), split_rows(d, 0.7, 2).first.inputs.to_vector<int>());
  EXPECT_EQ(split_rows(d, 0, 1).first.size(), 0);
  expect_error([&] { split_rows(d, 1.5, 1); }, "fraction 1.5");
  expect_error([&] { split_rows(table(5), 0.5, 1, true); }, "no classes");
}

TEST(LoaderTest, BatchesCoverEverySampleOnce) {
  for (const bool shuffle : {false, true}) {
    const Loader loader(pictures(23), {.batch_size = 5, .shuffle = shuffle, .seed = 9});
    EXPECT_EQ(loader.batches(), 5);
    std::vector<std::int64_t> seen;
    for (std::int64_t i = 0; i < 5; ++i) {
      const Minibatch b = loader.batch(0, i);
      EXPECT_EQ(b.inputs.dim(0), i == 4 ? 3 : 5);
      for (std::int64_t k = 0; k < b.rows.size(); ++k) {
        const std::int64_t row = b.rows.data<std::int64_t>()[k];
        seen.push_back(row);
        EXPECT_EQ(b.labels.data<std::int64_t>()[k], row % 3);
        EXPECT_FLOAT_EQ(b.inputs.data<float>()[k * 40],
                        static_cast<float>(1 + 40 * (row % 6)) / 255.0f);
      }
    }
    EXPECT_EQ(std::is_sorted(seen.begin(), seen.end()), !shuffle);
    std::sort(seen.begin(), seen.end());
    std::vector<std::int64_t> expected(23);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(seen, expected);
  }
  EXPECT_EQ(Loader(pictures(23), {.batch_size = 5, .drop_last = true}).batches(), 4);
  const Loader loader(pictures(6), {.batch_size = 4});
  expect_error([&] { loader.batch(0, 2); }, "no batch 2 of epoch 0; an epoch has 2");
  expect_error([&] { loader.batch(-1, 0); }, "epoch -1");
  expect_error([] { Loader(pictures(6), {.batch_size = 0}); }, "batch size 0");
}

TEST(LoaderTest, ABatchDependsOnItsNumberAlone) {
  const LoaderOptions options{.batch_size = 7,
                              .shuffle = true,
                              .seed = 1,
                              .augmentation = {.crop_padding = 1, .horizontal_flip = true}};
  const Loader a(pictures(50), options), b(pictures(50), options);
  const auto first = a.batch(3, 2).inputs.to_vector<float>();
  a.batch(0, 0);
  b.batch(5, 1);
  EXPECT_EQ(a.batch(3, 2).inputs.to_vector<float>(), first);
  EXPECT_EQ(b.batch(3, 2).inputs.to_vector<float>(), first);
  EXPECT_NE(a.batch(4, 2).rows.to_vector<int>(), a.batch(3, 2).rows.to_vector<int>());
}

// Pads, crops and mirrors by the definition, and finds each augmented picture among all that can
// be.
TEST(LoaderTest, AugmentationCropsAndMirrors) {
  const Dataset d = pictures(1);
  std::vector<std::vector<float>> possible;
  const auto* from = d.inputs.data<std::uint8_t>();
  for (int down = -1; down <= 1; ++down) {
    for (int right = -1; right <= 1; ++right) {
      for (const bool flip : {false, true}) {
        std::vector<float> p;
        for (int c = 0; c < 2; ++c) {
          for (int y = 0; y < 4; ++y) {
            for (int x = 0; x < 5; ++x) {
              const int sy = y + down, sx = (flip ? 4 - x : x) + right;
              const bool inside = sy >= 0 && sy < 4 && sx >= 0 && sx < 5;
              p.push_back(inside ? static_cast<float>(from[(c * 4 + sy) * 5 + sx]) * (1.0f / 255)
                                 : 0.0f);
            }
          }
        }
        possible.push_back(p);
      }
    }
  }
  const Loader loader(
      d, {.batch_size = 1, .augmentation = {.crop_padding = 1, .horizontal_flip = true}});
  std::set<std::size_t> found;
  for (int epoch = 0; epoch < 300; ++epoch) {
    const auto p = loader.batch(epoch, 0).inputs.to_vector<float>();
    const auto it = std::find(possible.begin(), possible.end(), p);
    ASSERT_NE(it, possible.end());
    found.insert(static_cast<std::size_t>(it - possible.begin()));
  }
  EXPECT_EQ(found.size(), 18u);
}

TEST(LoaderTest, AugmentationIsIndependentOfBatchSizeAndOrder) {
  const Augmentation augmentation{.crop_padding = 2, .horizontal_flip = true};
  const Loader one(pictures(30), {.batch_size = 1, .seed = 4, .augmentation = augmentation});
  const Loader many(pictures(30),
                    {.batch_size = 30, .shuffle = true, .seed = 4, .augmentation = augmentation});
  const Minibatch b = many.batch(2, 0);
  for (std::int64_t k = 0; k < 30; ++k) {
    const auto alone = one.batch(2, b.rows.data<std::int64_t>()[k]).inputs.to_vector<float>();
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), b.inputs.data<float>() + k * 40));
  }
}

TEST(LoaderTest, Normalization) {
  const Dataset d = pictures(24);
  const Normalization n = channel_statistics(d);
  ASSERT_EQ(n.mean.size(), 2u);
  const Tensor all = Loader(d, {.batch_size = 24, .normalization = n}).batch(0, 0).inputs;
  const Tensor direct = normalize(float_inputs(d), n);
  for (std::int64_t c = 0; c < 2; ++c) {
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < 24; ++i) {
      for (std::int64_t p = 0; p < 20; ++p) {
        const std::int64_t at = (i * 2 + c) * 20 + p;
        const double v = static_cast<double>(all.data<float>()[at]);
        EXPECT_NEAR(v, static_cast<double>(direct.data<float>()[at]), 1e-5);
        sum += v;
        squares += v * v;
      }
    }
    EXPECT_NEAR(sum / 480, 0, 1e-5);
    EXPECT_NEAR(squares / 480, 1, 1e-5);
  }
  // Padding is black before normalisation.
  const Loader padded(pictures(1),
                      {.batch_size = 1, .normalization = n, .augmentation = {.crop_padding = 9}});
  bool black = false;
  for (int epoch = 0; epoch < 20; ++epoch) {
    black = black || padded.batch(epoch, 0).inputs.data<float>()[0] == -n.mean[0] / n.deviation[0];
  }
  EXPECT_TRUE(black);
  const Normalization t = channel_statistics(table(5));
  EXPECT_FLOAT_EQ(t.mean[1], 7);
  expect_error([&] { Loader(d, {.normalization = {{0.f}, {1.f}}}); }, "expected 2 (channels)");
  expect_error([&] { normalize(float_inputs(d), {{0.f, 0.f}, {1.f, 0.f}}); }, "deviation 0");
  expect_error([] { Loader(table(5), {.augmentation = {.horizontal_flip = true}}); }, "pictures");
}

}  // namespace
}  // namespace ingrad
