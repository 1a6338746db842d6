// SPDX-License-Identifier: Apache-2.0
// What tests of explainers ask again and again.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "attribution/attribution.h"
#include "engine/error.h"

namespace ingrad {

inline const ExplainOptions kOnly{.target = Target::only_output()};
inline const ExplainOptions kFirst{.target = Target::one(0)};

// An Error with `part` in its message.
template <class Run>
void expect_refusal(Run run, const std::string& part) {
  try {
    run();
    ADD_FAILURE() << "expected an Error about " << part;
  } catch (const Error& e) {
    EXPECT_THAT(e.message(), testing::HasSubstr(part));
  }
}

inline void expect_near(const Tensor& got, const std::vector<double>& expected, double tolerance) {
  const auto v = got.to_vector<double>();
  ASSERT_EQ(v.size(), expected.size());
  for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(v[i], expected[i], tolerance) << i;
}

inline void expect_values(const Attribution& a, const std::vector<double>& expected,
                          double tolerance) {
  expect_near(a.values, expected, tolerance);
}

}  // namespace ingrad
