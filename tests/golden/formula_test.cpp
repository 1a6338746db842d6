// SPDX-License-Identifier: Apache-2.0
// The formula that stands in for stored weights gives the same bits as the Python that used it.
#include "tests/golden/formula.h"

#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

TEST(Formula, SameBitsAsPython) {
  int count = 0;
  for (const auto& [key, expected] : read("resnet18").tensors) {
    const std::string prefix = "formula.";
    if (!key.starts_with(prefix)) continue;
    const std::vector<float> got = formula(key.substr(prefix.size()), expected.shape().extents());
    EXPECT_EQ(got, expected.to_vector<float>()) << key;
    ++count;
  }
  EXPECT_EQ(count, 6);
}

}  // namespace
}  // namespace ingrad::golden
