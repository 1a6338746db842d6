// SPDX-License-Identifier: Apache-2.0
// The driver: cuts the output into tiles, hands contiguous operands of the compute type through as
// they are, and gathers and converts all others into the thread's scratch.
#include "kernels/elementwise.h"

#include "kernels/cpu/elementwise_tables.h"
#include "kernels/expr-list.h"
#include "kernels/reference/elementwise_tables.h"
#include "kernels/tile_io.h"

namespace ingrad::kernels {
namespace {

constexpr std::int64_t kTile = 1024;
constexpr std::int64_t kTileBytes = kTile * 8;

std::int64_t outputs(const ElementwiseArgs& a) {
  std::int64_t n = 1;
  for (int i = 0; i < a.rank; ++i) n *= a.size[static_cast<std::size_t>(i)];
  return n;
}

bool is_dense(const ElementwiseArgs& a, const Operand& o) {
  std::int64_t step = 1;
  for (int i = a.rank - 1; i >= 0; --i) {
    const auto k = static_cast<std::size_t>(i);
    if (a.size[k] != 1 && o.stride[k] != step) return false;
    step *= a.size[k];
  }
  return true;
}

void run(const ElementwiseArgs& a, Range range) {
  const auto width = static_cast<std::int64_t>(size_of(a.compute));
  const auto out_width = static_cast<std::int64_t>(size_of(a.out_dtype));
  auto* scratch = static_cast<char*>(range.scratch);
  const std::int64_t total = outputs(a);
  std::array<bool, kMaxOperands> direct{};
  for (int k = 0; k < a.operands; ++k) {
    const auto i = static_cast<std::size_t>(k);
    direct[i] = a.in[i].dtype == a.compute && is_dense(a, a.in[i]);
  }
  for (std::int64_t unit = range.begin; unit < range.end; ++unit) {
    const std::int64_t first = unit * kTile;
    const auto n = static_cast<std::size_t>(std::min(kTile, total - first));
    std::array<const void*, kMaxOperands> in{};
    for (int k = 0; k < a.operands; ++k) {
      const auto i = static_cast<std::size_t>(k);
      if (direct[i]) {
        in[i] = static_cast<const char*>(a.in[i].data) + first * width;
      } else {
        in[i] = scratch + k * kTileBytes;
        load_tile(a, a.in[i], first, n, scratch + k * kTileBytes);
      }
    }
    char* out = static_cast<char*>(a.out) + first * out_width;
    if (a.out_dtype == a.compute) {
      a.tile(in.data(), out, a.parameters.data(), n);
    } else {
      void* tile = scratch + a.operands * kTileBytes;
      a.tile(in.data(), tile, a.parameters.data(), n);
      store_tile(tile, a.compute, out, a.out_dtype, n);
    }
  }
}

std::int64_t units(const ElementwiseArgs& a) { return (outputs(a) + kTile - 1) / kTile; }
std::int64_t unit_cost(const ElementwiseArgs& a) { return kTile * (a.operands + 1) / 2; }
std::int64_t scratch(const ElementwiseArgs& a) { return (a.operands + 1) * kTileBytes; }

#define INGRAD_INFO(name, arity, parameters, differentiable, result, integers, formula) \
  {#name, arity, parameters, differentiable, #result[0] == 'B', integers != 0},
constexpr ElementwiseInfo kFunctions[] = {INGRAD_EXPR_ALL(INGRAD_INFO)};
#undef INGRAD_INFO

TileFn (*device_tiles)(int, int, DType) = nullptr;

}  // namespace

std::span<const ElementwiseInfo> elementwise_functions() { return kFunctions; }

TileFn find_tile(int function, int derivative, DType compute, Backend backend) {
  if (backend == Backend::cuda) {
    return device_tiles == nullptr ? nullptr : device_tiles(function, derivative, compute);
  }
  if (backend == Backend::reference || compute == DType::i64) {
    return reference::elementwise_tile(function, derivative, compute);
  }
  return cpu::elementwise_tile(function, derivative, compute);
}

void install_device_tiles(TileFn (*find)(int function, int derivative, DType compute)) {
  device_tiles = find;
}

constinit const Family<ElementwiseArgs> elementwise("elementwise", units, unit_cost, scratch,
                                                    {{Backend::cpu, DType::f32, run},
                                                     {Backend::cpu, DType::f64, run},
                                                     {Backend::cpu, DType::i64, run},
                                                     {Backend::reference, DType::f64, run},
                                                     {Backend::reference, DType::i64, run}});

}  // namespace ingrad::kernels
