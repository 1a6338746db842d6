// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::compare_bytes;
using testing::difference;
using testing::dtype_of;
using testing::random_values;
using testing::run_units;
using testing::tolerance;

using AttentionIsa = testing::EveryIsa;

struct Case {
  std::int64_t batch, heads, kv_heads, queries, keys, width, value_width;
  bool causal;
};
const Case kCases[] = {
    {1, 1, 1, 1, 1, 1, 1, false},     {2, 3, 3, 17, 17, 8, 8, false},
    {2, 4, 2, 13, 29, 5, 3, false},   {1, 2, 1, 50, 50, 64, 64, true},
    {1, 1, 1, 7, 31, 33, 40, true},   {1, 1, 1, 31, 7, 16, 16, true},
    {1, 2, 2, 65, 65, 64, 64, false}, {2, 1, 1, 3, 0, 4, 4, false},
    {2, 1, 1, 0, 5, 4, 4, true},      {1, 1, 1, 30, 900, 16, 16, false},
    {1, 1, 1, 70, 500, 9, 2, true},   {0, 2, 1, 4, 4, 4, 4, false},
};
enum class Mask { none, full, per_head, per_key, per_query };

// Operands with gaps between their rows, and everything that hangs on them.
template <class T>
struct Data {
  Data(const Case& c, Mask mask_kind) {
    const auto fill = [&](std::vector<T>& x, HeadStrides& at, std::int64_t rows, std::int64_t heads,
                          std::int64_t width, unsigned seed) {
      const std::int64_t step = width + 3;
      at = {rows * heads * step + 7, heads * step, step};
      x = random_values<T>(static_cast<std::size_t>(c.batch * at.batch + 8), seed);
    };
    static_cast<AttentionShape&>(args) = {c.batch, c.heads,       c.kv_heads, c.queries, c.keys,
                                          c.width, c.value_width, 0.7,        c.causal};
    fill(q, args.q_at, c.queries, c.heads, c.width, 1);
    fill(k, args.k_at, c.keys, c.kv_heads, c.width, 2);
    fill(v, args.v_at, c.keys, c.kv_heads, c.value_width, 3);
    fill(dy, args.y_at, c.queries, c.heads, c.value_width, 4);
    for (std::vector<T>* x : {&q, &k}) {
      for (T& e : *x) e *= 3;
    }
    args.q = q.data();
    args.k = k.data();
    args.v = v.data();
    if (mask_kind == Mask::none) return;
    const std::int64_t n = c.queries * c.heads * c.keys;
    mask = random_values<T>(static_cast<std::size_t>(c.batch * n + 1), 5, -2, 2);
    for (std::size_t i = 0; i < mask.size(); i += 5) {
      mask[i] = -std::numeric_limits<T>::infinity();
    }
    args.mask = mask.data();
    switch (mask_kind) {
      case Mask::full: args.mask_at = {n, c.heads * c.keys, c.keys}; break;
      case Mask::per_head: args.mask_at = {0, 0, c.keys}; break;
      case Mask::per_key: args.mask_at = {c.keys, 0, 0}; break;
      default: args.mask_at = {0, 1, 0}; args.mask_step = 0;
    }
  }

  AttentionGradArgs grad_args(std::vector<T>& dq, std::vector<T>& dk, std::vector<T>& dv) const {
    AttentionGradArgs g;
    static_cast<AttentionShape&>(g) = args;
    g.q = args.q;
    g.k = args.k;
    g.v = args.v;
    g.mask = args.mask;
    g.mask_step = args.mask_step;
    g.dy = dy.data();
    g.q_at = g.dq_at = args.q_at;
    g.k_at = g.dk_at = args.k_at;
    g.v_at = g.dv_at = args.v_at;
    g.mask_at = args.mask_at;
    g.y_at = args.y_at;
    // What lies between the rows must stay as it is.
    dq.assign(q.size(), T(9));
    dk.assign(k.size(), T(9));
    dv.assign(v.size(), T(9));
    g.dq = dq.data();
    g.dk = dk.data();
    g.dv = dv.data();
    return g;
  }

  std::vector<T> q, k, v, dy, mask;
  AttentionArgs args;
};

template <class T>
void expect_matches_reference(const Case& c, Mask mask) {
  SCOPED_TRACE(::testing::Message() << c.queries << " x " << c.keys << ", width " << c.width
                                    << ", mask " << static_cast<int>(mask));
  Data<T> data(c, mask);
  std::vector<T> expected(data.dy.size(), T(9)), whole = expected, split = expected;
  data.args.y = expected.data();
  run_units(attention, Backend::reference, dtype_of<T>(), data.args);
  data.args.y = whole.data();
  run_units(attention, Backend::cpu, dtype_of<T>(), data.args);
  data.args.y = split.data();
  run_units(attention, Backend::cpu, dtype_of<T>(), data.args, 1);
  EXPECT_LE(difference(whole, expected), tolerance<T>());
  EXPECT_EQ(compare_bytes(whole.data(), split.data(), whole.size() * sizeof(T)), 0);

  std::vector<T> dq[3], dk[3], dv[3];
  run_units(attention_grad, Backend::reference, dtype_of<T>(), data.grad_args(dq[0], dk[0], dv[0]));
  run_units(attention_grad, Backend::cpu, dtype_of<T>(), data.grad_args(dq[1], dk[1], dv[1]));
  run_units(attention_grad, Backend::cpu, dtype_of<T>(), data.grad_args(dq[2], dk[2], dv[2]), 1);
  for (const auto& d : {dq, dk, dv}) {
    EXPECT_LE(difference(d[1], d[0]), 4 * tolerance<T>());
    EXPECT_EQ(compare_bytes(d[1].data(), d[2].data(), d[1].size() * sizeof(T)), 0);
  }
}

TEST_P(AttentionIsa, MatchesReference) {
  for (const Case& c : kCases) {
    for (const Mask m : {Mask::none, Mask::full, Mask::per_head, Mask::per_key, Mask::per_query}) {
      expect_matches_reference<float>(c, m);
      expect_matches_reference<double>(c, m);
    }
  }
}

// A query that may look at nothing gives nothing, and passes nothing back.
TEST_P(AttentionIsa, AQueryThatSeesNoKeyGivesZero) {
  const Case c{1, 1, 1, 3, 5, 4, 4, false};
  Data<float> data(c, Mask::full);
  for (std::size_t j = 5; j < 10; ++j) data.mask[j] = -INFINITY;
  std::vector<float> y(data.dy.size(), 9), dq, dk, dv;
  data.args.y = y.data();
  run_units(attention, Backend::cpu, DType::f32, data.args);
  run_units(attention_grad, Backend::cpu, DType::f32, data.grad_args(dq, dk, dv));
  for (std::size_t e = 0; e < 4; ++e) {
    EXPECT_EQ(y[7 + e], 0);
    EXPECT_EQ(dq[7 + e], 0);
    EXPECT_NE(y[e], 0);
  }
}

TEST_P(AttentionIsa, NanStaysInItsQuery) {
  const Case c{1, 1, 1, 20, 20, 8, 8, true};
  Data<float> data(c, Mask::none);
  data.k[11 * 13] = NAN;  // key 13: queries 0 .. 12 do not see it
  std::vector<float> y(data.dy.size(), 9);
  data.args.y = y.data();
  run_units(attention, Backend::cpu, DType::f32, data.args);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(y[i * 11]), i >= 13) << i;
}

INSTANTIATE_TEST_SUITE_P(Isa, AttentionIsa, ::testing::ValuesIn(testing::isa_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace ingrad::kernels
