// SPDX-License-Identifier: Apache-2.0
// Every op of the golden files, forward and backward, in f32 and f64. The outputs of second_order
// are derivatives themselves, their gradients of second and third order.
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

const std::vector<std::string> kFiles = {"ops_elementwise",   "ops_shape",     "ops_reduction",
                                         "ops_normalization", "ops_attention", "ops_convolution",
                                         "ops_matmul",        "ops_indexing",  "ops_pooling",
                                         "ops_loss",          "second_order"};

using FileAndOp = std::pair<std::string, std::string>;

std::vector<FileAndOp> all_ops() {
  std::set<FileAndOp> found;
  for (const std::string& name : kFiles) {
    for (const Case& c : read(name).cases) found.insert({name, c.op});
  }
  return {found.begin(), found.end()};
}

class Op : public testing::TestWithParam<FileAndOp> {};

TEST_P(Op, AgreesWithPyTorch) {
  const auto& [file, op] = GetParam();
  const auto mapping = mappings().find(op);
  ASSERT_TRUE(mapping != mappings().end()) << "no engine call is mapped to the golden op " << op;
  int count = 0;
  for (const Case& c : read(file).cases) {
    if (c.op != op) continue;
    SCOPED_TRACE(c.id);
    check(c, mapping->second);
    ++count;
  }
  EXPECT_GT(count, 0);
}

INSTANTIATE_TEST_SUITE_P(Golden, Op, testing::ValuesIn(all_ops()), [](const auto& test) {
  return test.param.first + "_" + test.param.second;
});

// A mapping that no case uses tests nothing: the file lost its cases.
TEST(Golden, EveryMappingHasCases) {
  std::set<std::string> used;
  for (const auto& [file, op] : all_ops()) used.insert(op);
  for (const auto& [op, mapping] : mappings()) {
    EXPECT_TRUE(used.contains(op)) << "no golden case for " << op;
  }
}

}  // namespace
}  // namespace ingrad::golden
