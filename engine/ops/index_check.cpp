// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/index_check.h"

#include <fmt/format.h>

#include "engine/ops/elementwise.h"
#include "engine/parallel.h"

namespace ingrad {
namespace {

// "[2, 0]": a linear position by axes.
std::string place_of(std::int64_t position, const Shape& shape) {
  std::array<std::int64_t, kMaxRank> at{};
  for (int a = shape.rank() - 1; a >= 0; --a) {
    at[static_cast<std::size_t>(a)] = position % shape[a];
    position /= shape[a];
  }
  std::string out = "[";
  for (int a = 0; a < shape.rank(); ++a) {
    out += fmt::format("{}{}", a == 0 ? "" : ", ", at[static_cast<std::size_t>(a)]);
  }
  return out + "]";
}

struct Scan {
  const std::int64_t* p;
  std::uint64_t extent;
  std::string_view op;  // outlives the call: a literal or an op's attribute
  Shape shape;
  Location where;

  template <class F>
  void for_each_operand(F&& f) {
    f(p);
  }
};

// Every range of indices is looked at, and the first that has one outside tells which.
void find_outside(const Scan& s, kernels::Range r) {
  std::uint64_t outside = 0;  // negative indices are large as unsigned ones
  for (std::int64_t i = r.begin; i < r.end; ++i) {
    outside |= static_cast<std::uint64_t>(s.p[i]) >= s.extent;
  }
  if (outside == 0) return;
  std::int64_t i = 0;
  while (static_cast<std::uint64_t>(s.p[i]) < s.extent) ++i;
  throw Error(fmt::format("{}: index {} at position {} is outside [0, {})", s.op, s.p[i],
                          place_of(i, s.shape), s.extent),
              s.where);
}

}  // namespace

void check_indices(std::string_view op, const Tensor& index, std::int64_t extent, Location where) {
  const std::int64_t n = index.size();
  if (n == 0) return;
  if (index.device().kind != Device::Kind::cpu) {
    // Programs for a device check nothing while they run: kernels there skip such an index.
    if (KernelRecorder::active() == nullptr) check_indices(op, index.to({}, where), extent, where);
    return;
  }
  const Scan scan{static_cast<const std::int64_t*>(index.raw(where)),
                  static_cast<std::uint64_t>(extent), op, index.shape(), where};
  run_ranges<Scan>(find_outside, scan, n, n, 0);
}

void require_indices(std::string_view op, const TensorSpec& index, Location where) {
  if (index.dtype != DType::i64) {
    throw Error(fmt::format("{}: the index tensor is {}, expected i64", op, index.str()), where);
  }
}

Tensor as_indices(std::string_view op, const Tensor& index, Location where) {
  if (index.dtype() == DType::i64) return index;
  if (index.dtype() != DType::i32) {
    throw Error(
        fmt::format("{}: the index tensor is {}, expected i64 or i32", op, index.spec().str()),
        where);
  }
  return cast(index, DType::i64, where);
}

}  // namespace ingrad
