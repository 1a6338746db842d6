// SPDX-License-Identifier: Apache-2.0
// One description per op. Dispatch, differentiation, tests, benchmarks, the support matrix and the
// op list of the documentation are all derived from the table of these descriptions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/attrs.h"
#include "engine/tensor.h"
#include "kernels/kernel.h"

namespace ingrad {

using kernels::Backend;

enum class OpClass : std::uint8_t {
  elementwise,  // a scalar function of up to four tensors; derivatives from dual numbers
  linear,       // vjp is the transpose; jvp is the op itself
  bilinear,     // linear in each floating input; jvp is the sum over inputs
  selection,    // picks elements by an index kernel; vjp scatters, jvp gathers
  composite,    // `expand` is its definition in basic ops; kernels and rules are optional
};
std::string_view name_of(OpClass c);

// How rows (slices along axis 0 of the first input) relate to rows of the outputs.
enum class BatchBehaviour : std::uint8_t {
  per_row,     // output row i depends on row i of the batched inputs only
  shared,      // outputs have no row axis and depend on no batched input
  mixes_rows,  // anything else; a plan that must keep samples apart refuses it
};
std::string_view name_of(BatchBehaviour b);

// Which inputs and outputs a derivative rule reads. Bit i stands for input (output) i; for ops with
// more than 63 of them use all(). What no rule reads is not kept.
struct Reads {
  std::uint64_t inputs = 0;
  std::uint64_t outputs = 0;
  static constexpr Reads none() { return {}; }
  static constexpr Reads all() { return {~std::uint64_t{0}, ~std::uint64_t{0}}; }
  static constexpr Reads input(int i) { return {std::uint64_t{1} << i, 0}; }
  static constexpr Reads output(int i = 0) { return {0, std::uint64_t{1} << i}; }
  constexpr Reads operator|(Reads r) const { return {inputs | r.inputs, outputs | r.outputs}; }
};

struct EvalArgs {
  Backend backend;
  const Attrs& attrs;
  std::span<const Tensor> inputs;  // all with data, not recorded
  std::span<const TensorSpec> outputs;
  Location where;
};

struct VjpArgs {
  const Attrs& attrs;
  std::span<const Tensor> inputs;      // data only where `reads` says so; shapes and dtypes always
  std::span<const Tensor> outputs;     // likewise
  std::span<const Tensor> cotangents;  // one per output; undefined means zero
  std::span<const char> needed;        // one per input: is its cotangent wanted?
  bool needs(std::size_t i) const { return needed[i] != 0; }
};

struct JvpArgs {
  const Attrs& attrs;
  std::span<const Tensor> inputs;    // all with data
  std::span<const Tensor> outputs;   // all with data
  std::span<const Tensor> tangents;  // one per input; undefined means zero (one is defined)
};

// An example call for tests and benchmarks: floating inputs are f64 (the harness casts them), away
// from kinks unless `differentiable` is false.
struct Sample {
  Attrs attrs;
  std::vector<Tensor> inputs;
  bool differentiable = true;
  double f32_tolerance = 1e-5;  // of the f32 kernel, relative to the largest reference value
};

struct OpDef {
  std::string name = {};
  OpClass cls = OpClass::composite;
  int min_inputs = 1;
  int max_inputs = 1;  // -1: any number
  std::string doc = {};  // one line

  // Specs of the outputs; throws Error on shapes, dtypes or attributes that the op does not take.
  std::function<std::vector<TensorSpec>(const Attrs&, std::span<const TensorSpec>, Location)> infer = nullptr;
  // Runs the kernels. Null for composites without kernels of their own, which are expanded instead.
  std::function<std::vector<Tensor>(const EvalArgs&)> eval = nullptr;
  // Definition in other ops (class composite; also the second derivative of fused elementwise ops).
  std::function<std::vector<Tensor>(const Attrs&, std::span<const Tensor>)> expand = nullptr;

  // Cotangents of the inputs (undefined where not needed or zero). For class linear this is the
  // transpose. Null: derived from `expand`, or not differentiable if there is none either.
  std::function<std::vector<Tensor>(const VjpArgs&)> vjp = nullptr;
  // What the vjp reads to produce the cotangent of input i: entry i, or the last entry for all
  // further inputs. Empty: nothing (ops without `vjp` keep all their inputs).
  std::vector<Reads> reads = {};
  // Tangents of the outputs. Null: derived from the class (linear, bilinear) or from `expand`.
  std::function<std::vector<Tensor>(const JvpArgs&)> jvp = nullptr;

  std::function<BatchBehaviour(const Attrs&, std::span<const TensorSpec>)> batch = nullptr;
  std::function<std::vector<Sample>()> samples = nullptr;

  bool differentiable() const { return vjp != nullptr || expand != nullptr; }
};

// ---- the table --------------------------------------------------------------------------------
class OpTable {
 public:
  // Error when the name is taken or the description is incomplete.
  const OpDef& define(OpDef def);
  const OpDef* find(std::string_view name) const;
  std::vector<const OpDef*> all() const;  // sorted by name

 private:
  std::vector<std::unique_ptr<OpDef>> defs_;
  std::unordered_map<std::string_view, const OpDef*> by_name_;
};
// Every op of the library and those that the program has added.
const OpTable& op_table();
// Error with the nearest names when there is none.
const OpDef& find_op(std::string_view name, Location where = Location::current());
// Adds an op of the user's. Not to be called while other threads use the table.
const OpDef& define_op(OpDef def);

// ---- calling ----------------------------------------------------------------------------------
// Runs an op: infers the output specs, executes (or, when an input belongs to a traced program,
// appends to it), and records a node if an input is tracked. Every public op function ends here.
std::vector<Tensor> apply(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                          Location where = Location::current());
// The only output of an op that has one.
Tensor apply1(const OpDef& op, const Attrs& attrs, std::initializer_list<Tensor> inputs,
              Location where = Location::current());
Tensor apply1(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
              Location where = Location::current());

// When on, every executed op whose output has a NaN throws Error naming op and caller. A debugging
// aid for the whole process; off at start unless INGRAD_CHECK_NAN=1.
void set_nan_checks(bool on);
bool nan_checks();

}  // namespace ingrad
