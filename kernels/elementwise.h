// SPDX-License-Identifier: Apache-2.0
// Elementwise functions, casts and strided copies: tiles of a contiguous output are computed from
// operands of any stride and storage type.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

inline constexpr int kMaxOperands = 4;
inline constexpr int kMaxParameters = 2;

// Computes n results from contiguous inputs of the compute type. Truth values are 0 and 1.
using TileFn = void (*)(const void* const* in, void* out, const double* parameters, std::size_t n);

// One entry of the list in expr-list.h.
struct ElementwiseInfo {
  std::string_view name;
  int arity;
  int parameters;
  unsigned differentiable;  // bit i: the derivative with respect to input i is not identically zero
  bool truth;               // the result is boolean
  bool integers;            // exact on i64
};
std::span<const ElementwiseInfo> elementwise_functions();

// derivative == -1: the function itself. derivative == i: in[0] times the derivative with respect
// to input i, with the function's inputs as in[1], in[2], ... compute: f32 or f64, or i64 for the
// functions that are exact there. Null if there is none. The instruction set that is active at the
// call is chosen; on the reference back end f64 and i64 only.
TileFn find_tile(int function, int derivative, DType compute, Backend backend);
// Where find_tile looks for those of Backend::cuda (kernels/device.h).
void install_device_tiles(TileFn (*find)(int function, int derivative, DType compute));

struct Operand {
  const void* data = nullptr;
  DType dtype = DType::f32;
  std::array<std::int64_t, kMaxRank> stride{};  // elements; zero repeats
};

struct ElementwiseArgs {
  TileFn tile = nullptr;
  DType compute = DType::f32;
  int rank = 0;
  std::array<std::int64_t, kMaxRank> size{};  // of the output, which is contiguous
  int operands = 0;
  std::array<Operand, kMaxOperands> in{};
  void* out = nullptr;
  DType out_dtype = DType::f32;  // may differ from the compute type
  std::array<double, kMaxParameters> parameters{};

  template <class F>
  void for_each_operand(F&& f) {
    for (Operand& operand : in) f(operand.data);
    f(out);
  }
};

// Conversions to integers saturate and take NaN to 0; to bf16 and f16 they round to nearest even;
// to boolean they test against zero. Entries by compute type. Not for `mask`.
extern const Family<ElementwiseArgs> elementwise;

}  // namespace ingrad::kernels
