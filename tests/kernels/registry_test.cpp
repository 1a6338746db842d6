// SPDX-License-Identifier: Apache-2.0
// What every kernel family owes: a reference for each dtype that the CPU kernel takes (the one in
// double may stand for f32), and a place in the list.
#include <gtest/gtest.h>

#include <set>

#include "kernels/image_lanes.h"
#include "kernels/kernel.h"
#include "kernels/mlp_gradient.h"
#include "kernels/winograd.h"

namespace ingrad::kernels {
namespace {

TEST(Registry, EveryCpuKernelHasAReference) {
  for (const FamilyBase* family : all_families()) {
    if (family == &mlp_gradient) continue;  // for devices
    // Other ways to compute what has a reference, against which they are tested.
    if (family == &winograd || family == &winograd_weights || family == &image_lanes ||
        family == &lanes_conv || family == &lanes_pair_pool || family == &lanes_pair_pool_grad) {
      continue;
    }
    int dtypes = 0;
    for (int i = 0; i < kDTypeCount; ++i) {
      const auto t = static_cast<DType>(i);
      if (!family->has(Backend::cpu, t)) continue;
      ++dtypes;
      EXPECT_TRUE(family->has(Backend::reference, t) ||
                  (t == DType::f32 && family->has(Backend::reference, DType::f64)))
          << family->name() << " " << name_of(t);
    }
    EXPECT_GT(dtypes, 0) << family->name() << " has no CPU kernel";
  }
}

TEST(Registry, NamesAreSortedAndUnique) {
  std::string_view last;
  for (const FamilyBase* family : all_families()) {
    EXPECT_LT(last, family->name());
    last = family->name();
  }
}

}  // namespace
}  // namespace ingrad::kernels
