// SPDX-License-Identifier: Apache-2.0
// What the pool promises of every explainer, for those that not every model suits.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "attribution/attribution.h"
#include "engine/ops/slice.h"
#include "tests/attribution/golden_nets.h"

namespace ingrad {

// P12, P15, P20: the same bits in any batch, for several classes (of at least three), below any
// cap; plans compute what ops do. x: five samples.
inline void expect_pool_promises(
    const std::function<Attribution(const Tensor&, const ExplainOptions&)>& explain,
    const Tensor& x, const std::string& what) {
  const Attribution whole = explain(x, ExplainOptions{});
  const auto bits = [](const Attribution& a) { return a.values.to_vector<float>(); };
  for (const std::int64_t rows : {1, 3, 256}) {
    EXPECT_EQ(bits(explain(x, {.pool = {.max_rows = rows}})), bits(whole)) << what << " " << rows;
  }
  EXPECT_EQ(bits(explain(narrow(x, 0, 3, 1), {.first_sample = 3})),
            narrow(whole.values, 0, 3, 1).to_vector<float>())
      << what;
  for (const std::int64_t cap : {90'000, 200'000, 800'000}) {
    const Attribution a = explain(x, {.pool = {.memory_bytes = cap}});
    EXPECT_LE(a.cost.peak_bytes, cap) << what;
    EXPECT_EQ(bits(a), bits(whole)) << what;
  }
  expect_golden(explain(x, {.pool = {.planned = false}}).values, whole.values, 2e-5, what);
  const Attribution all = explain(x, {.target = Target::several({2, 0})});
  for (std::int64_t c = 0; c < 2; ++c) {
    EXPECT_EQ(select(all.values, 1, c).to_vector<float>(),
              bits(explain(x, {.target = Target::one(c == 0 ? 2 : 0)})))
        << what << " class " << c;
  }
}

}  // namespace ingrad
