// SPDX-License-Identifier: Apache-2.0
// What the tests of every op of the table share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>
#include <vector>

#include "engine/convert.h"
#include "engine/op.h"
#include "engine/ops/elementwise.h"

namespace ingrad {

inline std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const OpDef* op : op_table().all()) names.push_back(op->name);
  return names;
}

// Op names as GoogleTest wants them: letters, digits, underscores.
inline std::string test_name(const ::testing::TestParamInfo<std::string>& op) {
  std::string name = op.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); },
      '_');
  return name;
}

// Floating tensors as dtype t, others unchanged.
inline std::vector<Tensor> as_dtype(const std::vector<Tensor>& inputs, DType t) {
  std::vector<Tensor> out;
  for (const Tensor& x : inputs) {
    if (!is_floating(x.dtype())) {
      out.push_back(x);
      continue;
    }
    const Tensor y = Tensor::empty(x.shape(), t);
    const auto values = x.to_vector<double>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      store_element(y.mutable_raw(), t, static_cast<std::int64_t>(i), values[i]);
    }
    out.push_back(y);
  }
  return out;
}

inline std::string describe(const OpDef& op, const Sample& s, std::size_t index) {
  std::string text = op.name + " sample " + std::to_string(index) + " (";
  for (const Tensor& t : s.inputs) text += t.spec().str() + " ";
  return text + "; " + s.attrs.str() + ")";
}

// Largest |got - expected| relative to the largest |expected|, or to `floor` if that is larger; NaN
// and infinities must coincide.
inline double worst_error(const Tensor& got, const Tensor& expected, double floor = 1e-30) {
  const auto g = got.to_vector<double>();
  const auto e = expected.to_vector<double>();
  double scale = floor, worst = 0;
  for (const double v : e) {
    if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  }
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (std::isnan(e[i]) != std::isnan(g[i])) return INFINITY;
    if (std::isnan(e[i]) || g[i] == e[i]) continue;
    const double error = std::abs(g[i] - e[i]) / scale;
    worst = std::max(worst, std::isnan(error) ? INFINITY : error);
  }
  return worst;
}

// The same specs, and the same bits in every element; any two NaNs count as the same.
inline void expect_same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b,
                             const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].spec(), b[i].spec()) << what;
    const auto x = a[i].to_vector<double>();
    const auto y = b[i].to_vector<double>();
    for (std::size_t k = 0; k < x.size(); ++k) {
      const bool same = x[k] == y[k] ? std::signbit(x[k]) == std::signbit(y[k])
                                     : std::isnan(x[k]) && std::isnan(y[k]);
      ASSERT_TRUE(same) << what << ": output " << i << " element " << k << ": " << x[k] << " and "
                        << y[k];
    }
  }
}

}  // namespace ingrad
