// SPDX-License-Identifier: Apache-2.0
// Every op of the table on operands unlike its samples: misaligned, strided, of other numbers of rows
// (none, one, odd tails), in half precision.
#include "engine/builder.h"
#include "engine/ops/shape.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

class OpLayouts : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    op_ = &find_op(GetParam());
    samples_ = op_->samples();
  }
  void TearDown() override { kernels::force_isa("auto"); }

  // The same values, laid out by `lay_out`: the same bits.
  void expect_same_in(Tensor (*lay_out)(const Tensor&), const char* how) {
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      const Sample& s = samples_[i];
      for (const DType t : {DType::f32, DType::f64}) {
        const std::vector<Tensor> plain = as_dtype(s.inputs, t);
        std::vector<Tensor> other;
        for (const Tensor& x : plain) other.push_back(lay_out(x));
        for (const std::string_view isa : kernels::supported_isas()) {
          ASSERT_TRUE(kernels::force_isa(isa));
          expect_same_bits(apply(*op_, s.attrs, other), apply(*op_, s.attrs, plain),
                           describe(*op_, s, i) + " " + how + " " + std::string(name_of(t)) + " " +
                               std::string(isa));
        }
      }
    }
  }

  const OpDef* op_ = nullptr;
  std::vector<Sample> samples_;
};

// One element into a block of memory, so that no vector is aligned.
Tensor misaligned(const Tensor& x) {
  const Tensor block = Tensor::empty(Shape{x.size() + 1}, x.dtype());
  const Tensor moved = Tensor::view_of(block.impl().storage, x.spec(), 1);
  moved.assign(x);
  return moved;
}

// With the order of the axes in memory reversed.
Tensor reversed(const Tensor& x) {
  std::vector<std::int64_t> axes;
  for (int a = x.rank() - 1; a >= 0; --a) axes.push_back(a);
  return permute(contiguous(permute(x, axes)), axes);
}

TEST_P(OpLayouts, MisalignedOperandsGiveTheSameBits) { expect_same_in(misaligned, "misaligned"); }
TEST_P(OpLayouts, StridedOperandsGiveTheSameBits) { expect_same_in(reversed, "strided"); }

// x with `rows` rows: its own, repeated; floating ones a little larger each time.
Tensor with_rows(const Tensor& x, std::int64_t rows) {
  const std::int64_t own = x.dim(0), width = x.size() / own;
  const auto values = x.to_vector<double>();
  const Tensor out = Tensor::empty(x.shape().without(0).with_inserted(0, rows), x.dtype());
  for (std::int64_t i = 0; i < rows * width; ++i) {
    const double v = values[static_cast<std::size_t>(i % x.size())];
    const double growth = is_floating(x.dtype()) ? 1 + static_cast<double>(i / x.size()) / 64 : 1;
    store_element(out.mutable_raw(), x.dtype(), i, v * growth);
  }
  return out;
}

double largest(const std::vector<Tensor>& tensors) {
  double most = 1e-30;
  for (const Tensor& t : tensors) {
    for (const double v : t.to_vector<double>()) {
      if (std::isfinite(v)) most = std::max(most, std::abs(v));
    }
  }
  return most;
}

// Where the op takes them; what it does not take, it must refuse with an Error. Of few rows not much
// may be left (a variance), so errors are relative to the operands too.
TEST_P(OpLayouts, OtherNumbersOfRowsAgreeWithTheReference) {
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    if (s.inputs.empty() || s.inputs[0].rank() == 0 || s.inputs[0].dim(0) == 0) continue;
    for (const std::int64_t rows : {0, 1, 2, 5, 17, 33}) {
      std::vector<Tensor> inputs = s.inputs;
      const std::int64_t own = inputs[0].dim(0);
      for (Tensor& x : inputs) {
        if (x.rank() > 0 && x.dim(0) == own && x.size() > 0) x = with_rows(x, rows);
      }
      inputs = as_dtype(as_dtype(inputs, DType::f32), DType::f64);
      const double floor = largest(inputs);
      std::vector<Tensor> expected;
      try {
        expected = evaluate(*op_, s.attrs, inputs, Backend::reference);
      } catch (const Error&) {
        EXPECT_THROW(apply(*op_, s.attrs, as_dtype(inputs, DType::f32)), Error);
        continue;
      }
      for (const std::string_view isa : kernels::supported_isas()) {
        ASSERT_TRUE(kernels::force_isa(isa));
        const auto f64 = apply(*op_, s.attrs, inputs);
        const auto f32 = apply(*op_, s.attrs, as_dtype(inputs, DType::f32));
        for (std::size_t k = 0; k < expected.size(); ++k) {
          const std::string what = describe(*op_, s, i) + " with " + std::to_string(rows) +
                                   " rows on " + std::string(isa);
          ASSERT_EQ(f64[k].spec(), expected[k].spec()) << what;
          EXPECT_LE(worst_error(f64[k], expected[k], floor), 1e-11) << what << " f64";
          EXPECT_LE(worst_error(f32[k], expected[k], floor), s.f32_tolerance) << what << " f32";
        }
      }
      kernels::force_isa("auto");
    }
  }
}

// Half precision is storage: results are those of f32 rounded once. Ops without kernels of their own
// round between the ops of which they are made.
TEST_P(OpLayouts, HalfPrecisionIsRoundedOnce) {
  if (!op_->eval) GTEST_SKIP() << op_->name << " is made of other ops";
  const std::pair<DType, double> kinds[] = {{DType::bf16, 0x1p-8}, {DType::f16, 0x1p-11}};
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    for (const auto& [t, unit] : kinds) {
      const std::vector<Tensor> half = as_dtype(s.inputs, t);
      std::vector<Tensor> got;
      try {
        got = apply(*op_, s.attrs, half);
      } catch (const Error&) {
        continue;  // does not take half precision
      }
      const auto f32 = apply(*op_, s.attrs, as_dtype(half, DType::f32));
      for (std::size_t k = 0; k < got.size(); ++k) {
        const std::string what =
            describe(*op_, s, i) + " " + std::string(name_of(t)) + " output " + std::to_string(k);
        ASSERT_EQ(got[k].shape(), f32[k].shape()) << what;
        EXPECT_LE(worst_error(got[k], f32[k]), unit) << what;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllOps, OpLayouts, ::testing::ValuesIn(op_names()), test_name);

}  // namespace
}  // namespace ingrad
