// SPDX-License-Identifier: Apache-2.0
// Every op of the table, from its samples: the same bits for any number of threads, in repeated runs,
// and for a row alone or anywhere in a batch; on every instruction set, in f32 and f64.
#include <cstring>
#include <set>

#include "engine/differentiate.h"
#include "engine/parallel.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

class Determinism : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    op_ = &find_op(GetParam());
    samples_ = op_->samples();
    set_min_cost_per_thread(1);  // samples are small, and are to be split all the same
  }
  void TearDown() override {
    kernels::force_isa("auto");
    set_threads(0);
    set_min_cost_per_thread(0);
  }

  // body(sample, its inputs in one dtype, what to call this) on every instruction set.
  template <class Body>
  void for_samples(Body body) {
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      for (const DType t : {DType::f32, DType::f64}) {
        const std::vector<Tensor> inputs = as_dtype(samples_[i].inputs, t);
        for (const std::string_view isa : kernels::supported_isas()) {
          ASSERT_TRUE(kernels::force_isa(isa));
          body(samples_[i], inputs,
               describe(*op_, samples_[i], i) + " " + std::string(name_of(t)) + " " +
                   std::string(isa));
          if (HasFatalFailure()) return;
        }
      }
    }
  }

  const OpDef* op_ = nullptr;
  std::vector<Sample> samples_;
};

TEST_P(Determinism, BitsDoNotDependOnThreadsOrRuns) {
  for_samples([&](const Sample& s, const std::vector<Tensor>& inputs, const std::string& what) {
    set_threads(1);
    const auto one = apply(*op_, s.attrs, inputs);
    for (const int n : {1, 2, 3}) {
      set_threads(n);
      expect_same_bits(apply(*op_, s.attrs, inputs), one,
                       what + " on " + std::to_string(n) + " threads");
    }
  });
}

TEST_P(Determinism, GradientBitsDoNotDependOnThreadsOrRuns) {
  if (!op_->differentiable()) GTEST_SKIP() << op_->name << " is not differentiable";
  for_samples([&](const Sample& s, const std::vector<Tensor>& inputs, const std::string& what) {
    if (!s.differentiable) return;
    const MultiFn f = [&](std::span<const Tensor> in) { return apply(*op_, s.attrs, in); };
    std::vector<Tensor> seeds;
    for (const Tensor& o : f(inputs)) {
      seeds.push_back(is_floating(o.dtype()) ? Tensor::full(o.shape(), 1, o.dtype()) : Tensor());
    }
    set_threads(1);
    const auto one = vjp(f, inputs, seeds).cotangents;
    for (const int n : {1, 3}) {
      set_threads(n);
      expect_same_bits(vjp(f, inputs, seeds).cotangents, one,
                       what + " gradient on " + std::to_string(n) + " threads");
    }
  });
}

// Row i of the result is row rows[i] of x.
Tensor pick_rows(const Tensor& x, const std::vector<std::int64_t>& rows) {
  const Tensor dense = contiguous(x);
  const Tensor out = Tensor::empty(
      x.shape().without(0).with_inserted(0, static_cast<std::int64_t>(rows.size())), x.dtype());
  const auto bytes = static_cast<std::size_t>(x.size() / x.dim(0)) * size_of(x.dtype());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(static_cast<char*>(out.mutable_raw()) + i * bytes,
                static_cast<const char*>(dense.raw()) + static_cast<std::size_t>(rows[i]) * bytes,
                bytes);
  }
  return out;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = contiguous(a), y = contiguous(b);
  return x.spec() == y.spec() &&
         (x.size() == 0 || std::memcmp(x.raw(), y.raw(),
                                       static_cast<std::size_t>(x.size()) * size_of(x.dtype())) == 0);
}

// Random ops number the rows of a call from the attribute "sample" on.
Attrs from_row(const Attrs& attrs, std::int64_t row) {
  if (!attrs.has("sample")) return attrs;
  Attrs shifted = attrs;
  return shifted.set("sample", attrs.integer("sample") + row);
}

// How an op meets other rows than its sample has.
enum class Rows { apart, mixed, refused };

// With the `rows` rows of the inputs in `batched` repeated to a batch of 19, and each row alone: does
// row i of the batch have the bits of that row alone? The shape rule may refuse other numbers of rows.
Rows compare_rows(const OpDef& op, const Attrs& attrs, const std::vector<Tensor>& inputs,
                  std::int64_t rows, const std::vector<std::size_t>& batched,
                  std::string& difference) {
  constexpr std::int64_t kBatch = 19;
  const auto with_rows = [&](const std::vector<std::int64_t>& picked, std::int64_t first) {
    std::vector<Tensor> in = inputs;
    for (const std::size_t b : batched) in[b] = pick_rows(inputs[b], picked);
    return apply(op, from_row(attrs, first), in);
  };
  std::vector<std::int64_t> many;
  for (std::int64_t i = 0; i < kBatch; ++i) many.push_back((i * 7) % rows);
  try {
    const auto whole = with_rows(many, 0);
    for (std::int64_t i = 0; i < kBatch; ++i) {
      const auto alone = with_rows({many[static_cast<std::size_t>(i)]}, i);
      for (std::size_t k = 0; k < whole.size(); ++k) {
        const bool fits = alone[k].rank() > 0 && whole[k].rank() > 0 && alone[k].dim(0) == 1 &&
                          whole[k].dim(0) == kBatch;
        if (!fits) return Rows::refused;
        if (same_bits(pick_rows(whole[k], {i}), alone[k])) continue;
        difference = "output " + std::to_string(k) + " row " + std::to_string(i) + " of " +
                     std::to_string(kBatch) + " differs from that row alone";
        return Rows::mixed;
      }
    }
  } catch (const Error&) {
    return Rows::refused;
  }
  return Rows::apart;
}

// Ops whose attributes say how many rows there are, so that no other number can be tried.
const std::set<std::string> kFixedRows = {"expand", "reshape", "slice"};

TEST_P(Determinism, RowsDoNotDependOnTheirBatch) {
  std::size_t per_row = 0, tried = 0;
  for_samples([&](const Sample& s, const std::vector<Tensor>& inputs, const std::string& what) {
    std::vector<TensorSpec> specs;
    for (const Tensor& t : inputs) specs.push_back(t.spec());
    if (op_->batch(s.attrs, specs) != BatchBehaviour::per_row) return;
    const Shape out = op_->infer(s.attrs, specs, Location::current())[0].shape;
    if (out.rank() == 0 || out.size() == 0 || out[0] < 2) return;
    ++per_row;
    // Which inputs have rows is not in the description: those with which the op keeps its promise.
    std::vector<std::size_t> candidates;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].rank() > 0 && inputs[i].dim(0) == out[0]) candidates.push_back(i);
    }
    std::string difference;
    bool apart = false, mixed = false;
    for (std::size_t chosen = 1; chosen < (std::size_t{1} << candidates.size()); ++chosen) {
      std::vector<std::size_t> batched;
      for (std::size_t c = 0; c < candidates.size(); ++c) {
        if ((chosen >> c & 1) != 0) batched.push_back(candidates[c]);
      }
      const Rows rows = compare_rows(*op_, s.attrs, inputs, out[0], batched, difference);
      apart = apart || rows == Rows::apart;
      mixed = mixed || rows == Rows::mixed;
    }
    EXPECT_TRUE(apart || !mixed) << what << ": " << difference;
    if (apart) ++tried;
  });
  EXPECT_TRUE(per_row == 0 || tried > 0 || kFixedRows.contains(op_->name))
      << op_->name << " is said to keep rows apart, and no sample shows it";
}

INSTANTIATE_TEST_SUITE_P(AllOps, Determinism, ::testing::ValuesIn(op_names()), test_name);

}  // namespace
}  // namespace ingrad
