// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::difference;
using testing::dtype_of;
using testing::random_values;
using testing::run_units;
using testing::tolerance;

using ReduceIsa = testing::EveryIsa;

constexpr ReduceKind kFloatKinds[] = {
    ReduceKind::sum,     ReduceKind::sum_absolute, ReduceKind::sum_square,
    ReduceKind::sum_exp, ReduceKind::sum_product,  ReduceKind::product,
    ReduceKind::maximum, ReduceKind::minimum,      ReduceKind::maximum_absolute};
constexpr ReduceKind kDiscreteKinds[] = {ReduceKind::arg_maximum, ReduceKind::arg_minimum,
                                         ReduceKind::count_nonzero};

// A view over a buffer: sizes, which axes are reduced, and the order of axes in memory.
struct View {
  std::vector<std::int64_t> size;
  std::vector<int> reduced;    // 1 per reduced axis
  std::vector<int> in_memory;  // axes from outermost to innermost; empty: as listed
  std::int64_t gap = 1;        // stride of the innermost
};

ReduceArgs args_of(const View& v) {
  ReduceArgs a;
  const int rank = static_cast<int>(v.size.size());
  std::vector<std::int64_t> stride(v.size.size());
  std::int64_t s = v.gap;
  for (int i = rank - 1; i >= 0; --i) {
    const auto axis = static_cast<std::size_t>(v.in_memory.empty() ? i : v.in_memory[i]);
    stride[axis] = s;
    s *= std::max<std::int64_t>(v.size[axis], 1);
  }
  for (std::size_t i = 0; i < v.size.size(); ++i) {
    ReduceAxes& axes = v.reduced[i] ? a.reduced : a.kept;
    axes.size[axes.rank] = v.size[i];
    axes.stride[axes.rank++] = stride[i];
  }
  simplify(a);
  return a;
}

std::size_t buffer_length(const View& v) {
  std::int64_t n = v.gap;
  for (std::int64_t s : v.size) n *= std::max<std::int64_t>(s, 1);
  return static_cast<std::size_t>(n);
}

const View kViews[] = {
    {{7, 1}, {0, 1}, {}, 1},
    {{5, 2}, {0, 1}, {}, 1},
    {{3, 31}, {0, 1}, {}, 1},
    {{3, 33}, {0, 1}, {}, 1},
    {{2, 1000}, {0, 1}, {}, 1},
    {{2, 1025}, {0, 1}, {}, 1},
    {{1, 5000}, {0, 1}, {}, 1},
    {{2, 20000}, {0, 1}, {}, 1},       // several parts on a device
    {{3, 2, 9000}, {1, 0, 1}, {}, 1},  // these cut within the last axis
    {{300, 2, 70}, {1, 0, 1}, {}, 1},  // and these between runs of it
    {{33, 67}, {1, 0}, {}, 1},         // columns
    {{2500, 70}, {1, 0}, {}, 1},       // columns, several chunks and strips
    {{9, 3}, {1, 0}, {}, 1},           // narrow columns: gather
    {{4, 37, 5}, {0, 1, 0}, {}, 1},    // middle axis
    {{6, 5, 11}, {1, 0, 1}, {}, 1},    // two reduced axes around a kept one
    {{17, 4, 41, 3}, {1, 0, 1, 0}, {}, 1},
    {{19, 3, 64}, {1, 0, 1}, {}, 1},   // runs of whole groups of ways, across chunks
    {{2, 3, 2080}, {1, 0, 1}, {}, 1},  // longer than a chunk
    {{7, 2, 96}, {1, 0, 1}, {}, 2},    // not contiguous
    {{12, 45}, {0, 1}, {1, 0}, 1},     // transposed: rows become columns
    {{12, 45}, {0, 1}, {}, 2},         // no unit stride at all
    {{0, 4}, {0, 1}, {}, 1},           // no outputs
};

template <class T>
void expect_matches_reference(ReduceKind kind, const View& view) {
  ReduceArgs a = args_of(view);
  a.kind = kind;
  const std::size_t length = buffer_length(view);
  const auto outputs = static_cast<std::size_t>(outputs_of(a));
  std::vector<T> in = random_values<T>(length, 1, 0.2, 1.8);
  for (std::size_t i = 0; i < in.size(); i += 3) in[i] = -in[i];
  const std::vector<T> other = random_values<T>(length, 2),
                       shift = random_values<T>(outputs, 3, 2, 3);
  a.in = in.data();
  a.other = kind == ReduceKind::sum_product ? other.data() : nullptr;
  a.shift = kind == ReduceKind::sum ? nullptr : shift.data();
  a.divisor = kind == ReduceKind::sum ? 7 : 1;
  std::vector<T> expected(outputs, T(-77)), whole(outputs, T(-78)), split(outputs, T(-79));
  a.out = expected.data();
  run_units(reduce, Backend::reference, dtype_of<T>(), a);
  a.out = whole.data();
  run_units(reduce, Backend::cpu, dtype_of<T>(), a);
  a.out = split.data();
  run_units(reduce, Backend::cpu, dtype_of<T>(), a, 3);
  EXPECT_LE(difference(whole, expected), 4 * tolerance<T>())
      << "kind " << static_cast<int>(kind) << " sizes " << ::testing::PrintToString(view.size);
  EXPECT_EQ(kernels::testing::compare_bytes(whole.data(), split.data(), outputs * sizeof(T)), 0)
      << "kind " << static_cast<int>(kind) << " sizes " << ::testing::PrintToString(view.size);
}

TEST_P(ReduceIsa, MatchesReferenceInEveryLayout) {
  for (const View& view : kViews) {
    for (ReduceKind kind : kFloatKinds) {
      expect_matches_reference<float>(kind, view);
      expect_matches_reference<double>(kind, view);
    }
  }
}

template <class T>
void expect_discrete(const View& view) {
  ReduceArgs a = args_of(view);
  std::vector<T> in = random_values<T>(buffer_length(view), 5, 0, 9.99);  // ties and zeros
  for (T& x : in) x = static_cast<T>(static_cast<int>(x));
  a.in = in.data();
  const auto outputs = static_cast<std::size_t>(outputs_of(a));
  std::vector<std::int64_t> expected(outputs), got(outputs);
  for (ReduceKind kind : kDiscreteKinds) {
    a.kind = kind;
    a.out = expected.data();
    run_units(reduce, Backend::reference, dtype_of<T>(), a);
    a.out = got.data();
    run_units(reduce, Backend::cpu, dtype_of<T>(), a, 2);
    EXPECT_EQ(got, expected) << static_cast<int>(kind) << ::testing::PrintToString(view.size);
  }
  std::vector<std::uint8_t> flags(outputs), expected_flags(outputs);
  for (ReduceKind kind : {ReduceKind::any, ReduceKind::all}) {
    a.kind = kind;
    a.out = expected_flags.data();
    run_units(reduce, Backend::reference, dtype_of<T>(), a);
    a.out = flags.data();
    run_units(reduce, Backend::cpu, dtype_of<T>(), a);
    EXPECT_EQ(flags, expected_flags);
  }
  if constexpr (std::is_integral_v<T>) {
    for (ReduceKind kind : {ReduceKind::sum, ReduceKind::product}) {
      a.kind = kind;
      a.out = expected.data();
      run_units(reduce, Backend::reference, dtype_of<T>(), a);
      a.out = got.data();
      run_units(reduce, Backend::cpu, dtype_of<T>(), a);
      EXPECT_EQ(got, expected);
    }
    std::vector<T> best(outputs), expected_best(outputs);
    for (ReduceKind kind : {ReduceKind::maximum, ReduceKind::minimum}) {
      a.kind = kind;
      a.out = expected_best.data();
      run_units(reduce, Backend::reference, dtype_of<T>(), a);
      a.out = best.data();
      run_units(reduce, Backend::cpu, dtype_of<T>(), a);
      EXPECT_EQ(best, expected_best);
    }
  }
}

TEST(Reduce, PositionsCountsFlagsAndIntegers) {
  for (const View& view : kViews) {
    expect_discrete<float>(view);
    expect_discrete<double>(view);
    expect_discrete<std::int32_t>(view);
    expect_discrete<std::int64_t>(view);
    expect_discrete<std::uint8_t>(view);
  }
}

// The same elements as rows, as columns and without unit stride give the same bits, on every
// instruction set.
TEST(Reduce, BitsDoNotDependOnLayoutOrInstructionSet) {
  for (std::int64_t n : {1, 2, 3, 8, 17, 31, 32, 33, 64, 100, 1024, 1025, 3000, 5 * 1024}) {
    const std::int64_t rows = 6;
    const std::vector<float> x = random_values<float>(static_cast<std::size_t>(rows * n), 9);
    std::vector<float> first;
    for (const std::string& isa : testing::isa_names()) {
      ASSERT_TRUE(force_isa(isa));
      for (int layout = 0; layout < 3; ++layout) {
        const std::int64_t row = layout == 1 ? 1 : layout == 0 ? n : 2 * n;
        const std::int64_t element = layout == 1 ? rows : layout == 0 ? 1 : 2;
        std::vector<float> buffer(static_cast<std::size_t>(2 * rows * n));
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t i = 0; i < n; ++i) {
            buffer[static_cast<std::size_t>(r * row + i * element)] =
                x[static_cast<std::size_t>(r * n + i)];
          }
        }
        ReduceArgs a;
        a.kept = {1, {rows}, {row}};
        a.reduced = {1, {n}, {element}};
        simplify(a);
        a.in = buffer.data();
        std::vector<float> out(static_cast<std::size_t>(rows));
        a.out = out.data();
        run_units(reduce, Backend::cpu, DType::f32, a);
        if (first.empty()) first = out;
        EXPECT_EQ(
            kernels::testing::compare_bytes(out.data(), first.data(), out.size() * sizeof(float)),
            0)
            << isa << " layout " << layout << " n " << n;
      }
    }
  }
  force_isa("auto");
}

TEST_P(ReduceIsa, SegmentsGiveTheSameBits) {
  if (testing::kDevice) GTEST_SKIP() << "devices do not cut outputs into segments";
  for (std::int64_t n : {kReduceSegment - 1, kReduceSegment, 3 * kReduceSegment + 1100,
                         4 * kReduceSegment, 7 * kReduceSegment + 5}) {
    const std::vector<float> x = random_values<float>(static_cast<std::size_t>(2 * n), 4);
    for (ReduceKind kind : {ReduceKind::sum, ReduceKind::sum_square, ReduceKind::maximum}) {
      ReduceArgs a;
      a.kind = kind;
      a.kept = {1, {2}, {n}};
      a.reduced = {1, {n}, {1}};
      a.in = x.data();
      a.divisor = kind == ReduceKind::sum ? 3 : 1;
      float whole[2], joined[2];
      a.out = whole;
      run_units(reduce, Backend::cpu, DType::f32, a);
      a.segments = segments_for(a, DType::f32);
      ASSERT_EQ(a.segments, (n + kReduceSegment - 1) / kReduceSegment);
      std::vector<float> partial(static_cast<std::size_t>(2 * a.segments));
      if (a.segments == 1) continue;
      a.out = partial.data();
      run_units(reduce, Backend::cpu, DType::f32, a, 1);
      const ReduceCombineArgs c{kind, partial.data(), joined, 2, a.segments, a.divisor};
      run_units(reduce_combine, Backend::cpu, DType::f32, c);
      EXPECT_EQ(kernels::testing::compare_bytes(whole, joined, sizeof(whole)), 0) << n;
      float expected[2];
      ReduceCombineArgs reference = c;
      reference.out = expected;
      run_units(reduce_combine, Backend::reference, DType::f32, reference);
      EXPECT_NEAR(joined[0], expected[0], 1e-5 * std::fabs(expected[0]) + 1e-3);
    }
  }
}

TEST_P(ReduceIsa, SumIsAccurate) {
  // 3 million terms of like sign: a running f32 sum would be off by 1e-3 and more.
  const std::size_t n = 3'000'000;
  const std::vector<float> x = random_values<float>(n, 8, 0, 1);
  double exact = 0;
  for (float v : x) exact += v;
  ReduceArgs a;
  a.reduced = {1, {static_cast<std::int64_t>(n)}, {1}};
  a.in = x.data();
  std::vector<float> sum(1);
  a.out = sum.data();
  run_units(reduce, Backend::cpu, DType::f32, a);
  EXPECT_NEAR(sum[0], exact, 1e-6 * exact);
}

TEST_P(ReduceIsa, NothingReduced) {
  const struct {
    ReduceKind kind;
    float value;
  } cases[] = {{ReduceKind::sum, 0}, {ReduceKind::sum_exp, 0}, {ReduceKind::product, 1}};
  for (const auto& c : cases) {
    ReduceArgs a;
    a.kind = c.kind;
    a.kept = {1, {5}, {1}};
    a.reduced = {1, {0}, {1}};
    const std::vector<float> nothing_read(5);
    a.in = nothing_read.data();
    std::vector<float> out(5, -1.0F);
    a.out = out.data();
    run_units(reduce, Backend::cpu, DType::f32, a);
    EXPECT_EQ(out, std::vector<float>(5, c.value));
    a.kind = ReduceKind::all;
    std::vector<std::uint8_t> flags(5, 9);
    a.out = flags.data();
    run_units(reduce, Backend::cpu, DType::f32, a);
    EXPECT_EQ(flags, std::vector<std::uint8_t>(5, 1));
  }
}

TEST_P(ReduceIsa, NanAndInfinity) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = INFINITY;
  for (std::size_t n : {1U, 3U, 16U, 40U, 1500U}) {
    for (std::size_t at = 0; at < n; at += n / 3 + 1) {
      std::vector<float> x = random_values<float>(n, 3);
      x[at] = nan;
      ReduceArgs a;
      a.reduced = {1, {static_cast<std::int64_t>(n)}, {1}};
      a.in = x.data();
      std::vector<float> out(1);
      a.out = out.data();
      for (ReduceKind kind : kFloatKinds) {
        if (kind == ReduceKind::sum_product) continue;
        a.kind = kind;
        run_units(reduce, Backend::cpu, DType::f32, a);
        EXPECT_TRUE(std::isnan(out[0])) << static_cast<int>(kind) << " n " << n << " at " << at;
      }
      std::vector<std::int64_t> position = {-1};
      a.out = position.data();
      a.kind = ReduceKind::arg_maximum;
      run_units(reduce, Backend::cpu, DType::f32, a);
      EXPECT_EQ(position[0], static_cast<std::int64_t>(at));
      x[at] = -inf;
      a.kind = ReduceKind::arg_minimum;
      run_units(reduce, Backend::cpu, DType::f32, a);
      EXPECT_EQ(position[0], static_cast<std::int64_t>(at));
      a.kind = ReduceKind::sum_exp;
      a.out = out.data();
      run_units(reduce, Backend::cpu, DType::f32, a);
      EXPECT_TRUE(std::isfinite(out[0]));
      x[at] = inf;
      run_units(reduce, Backend::cpu, DType::f32, a);
      EXPECT_EQ(out[0], inf);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, ReduceIsa, ::testing::ValuesIn(testing::isa_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace ingrad::kernels
