// SPDX-License-Identifier: Apache-2.0
// The descriptions of the elementwise ops, generated from the list of formulas: for each function f
// the op "f", and for each input i with a derivative the op "f.d<i>", which multiplies a cotangent by
// that derivative in one kernel and is itself differentiated through its formula.
#include "engine/ops/elementwise.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ops/compute.h"
#include "engine/ops/elementwise_samples.h"
#include "engine/ops/symbolic.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/elementwise.h"

namespace ingrad {
namespace {

using kernels::ElementwiseArgs;
using kernels::ElementwiseInfo;

// The dtype that a function computes in for values of dtype t.
DType tile_dtype(DType t, Backend backend) {
  if (!is_floating(t)) return DType::i64;
  return t == DType::f64 || backend == Backend::reference ? DType::f64 : DType::f32;
}

std::array<double, kernels::kMaxParameters> parameters_of(const ElementwiseInfo& f,
                                                          const Attrs& attrs) {
  std::array<double, kernels::kMaxParameters> p{};
  for (std::size_t i = 0; i < static_cast<std::size_t>(f.parameters); ++i) {
    p[i] = attrs.number(parameter_name(f.name, static_cast<int>(i)));
  }
  return p;
}

// Adjacent axes that all operands walk through in one stride become one.
void collapse(ElementwiseArgs& a) {
  int rank = 0;
  for (int i = 0; i < a.rank; ++i) {
    const auto from = static_cast<std::size_t>(i);
    if (a.size[from] == 1) continue;
    const auto to = static_cast<std::size_t>(rank);
    bool joins = rank > 0;
    for (std::size_t k = 0; joins && k < static_cast<std::size_t>(a.operands); ++k) {
      joins = a.in[k].stride[to - 1] == a.in[k].stride[from] * a.size[from];
    }
    const std::size_t at = joins ? to - 1 : to;
    a.size[at] = joins ? a.size[at] * a.size[from] : a.size[from];
    for (auto& operand : a.in) operand.stride[at] = operand.stride[from];
    if (!joins) ++rank;
  }
  a.rank = rank;
}

Tensor run(const EvalArgs& e, kernels::TileFn tile, DType compute,
           const std::array<double, kernels::kMaxParameters>& parameters) {
  const TensorSpec& spec = e.outputs[0];
  const Tensor out = Tensor::empty(spec.shape, spec.dtype, e.where);
  ElementwiseArgs a;
  a.tile = tile;
  a.compute = compute;
  a.parameters = parameters;
  a.rank = spec.shape.rank();
  std::copy(spec.shape.begin(), spec.shape.end(), a.size.begin());
  a.operands = static_cast<int>(e.inputs.size());
  for (std::size_t k = 0; k < e.inputs.size(); ++k) {
    const Tensor& x = e.inputs[k];
    a.in[k].data = x.raw();
    a.in[k].dtype = x.dtype();
    for (int i = 0; i < x.rank(); ++i) {
      const auto axis = static_cast<std::size_t>(a.rank - x.rank() + i);
      a.in[k].stride[axis] = x.shape()[i] == 1 ? 0 : x.strides()[static_cast<std::size_t>(i)];
    }
  }
  a.out = out.mutable_raw();
  a.out_dtype = spec.dtype;
  collapse(a);
  run_kernel(kernels::elementwise, e.backend, compute, a, e.where);
  return out;
}

void refuse_zero_divisors(const std::string& op, const Tensor& divisor, Location where) {
  if (is_floating(divisor.dtype())) return;
  for (const std::int64_t v : divisor.to_vector<std::int64_t>(where)) {
    if (v == 0) throw Error(fmt::format("{}: integer division by zero", op), where);
  }
}

Shape broadcast_all(const std::string& op, std::span<const TensorSpec> in, Location where) {
  Shape shape = in[0].shape;
  for (std::size_t i = 1; i < in.size(); ++i) {
    shape = broadcast_shapes(op, shape, in[i].shape, where);
  }
  return shape;
}

// The common dtype of the values; conditions may have another.
DType value_dtype(const std::string& op, const ElementwiseInfo& f, std::span<const TensorSpec> in,
                  Location where) {
  const std::size_t first = f.name == "where" ? 1 : 0;
  const DType t = in[first].dtype;
  for (std::size_t i = first; i < in.size(); ++i) {
    if (in[i].dtype != t) {
      throw Error(fmt::format("{}: inputs of dtypes {} and {}; cast one of them", op, name_of(t),
                              name_of(in[i].dtype)),
                  where);
    }
  }
  if (t == DType::mask || (!f.integers && !is_floating(t))) {
    throw Error(fmt::format("{}: dtype {}; expected a {} dtype", op, name_of(t),
                            f.integers ? "numeric" : "floating"),
                where);
  }
  return t;
}

// Every batched operand has the full rank: what is broadcast along the rows is shared by them.
BatchBehaviour batch_behaviour(const Attrs&, std::span<const TensorSpec>) {
  return BatchBehaviour::per_row;
}

std::string derivative_name(const ElementwiseInfo& f, int input) {
  return fmt::format("{}.d{}", f.name, input);
}

// Rules that are cheaper than the fused derivative: nothing to compute, or the output known.
std::vector<Tensor> direct_vjp(std::string_view name, const VjpArgs& a, bool& found) {
  const Tensor& g = a.cotangents[0];
  found = true;
  const auto want = [&a](std::size_t i) { return a.needs(i); };
  const auto one = [](Tensor t) { return std::vector<Tensor>{std::move(t)}; };
  if (name == "add") return {want(0) ? g : Tensor(), want(1) ? g : Tensor()};
  if (name == "sub") return {want(0) ? g : Tensor(), want(1) ? neg(g) : Tensor()};
  if (name == "mul") {
    return {want(0) ? mul(g, a.inputs[1]) : Tensor(), want(1) ? mul(g, a.inputs[0]) : Tensor()};
  }
  if (name == "copy") return one(g);
  if (name == "neg") return one(neg(g));
  if (name == "exp") return one(mul(g, a.outputs[0]));
  static const OpDef& relu_grad = find_op("relu_grad");
  if (name == "relu") return one(apply1(relu_grad, {}, {a.outputs[0], g}));
  if (name == "relu_grad") return {Tensor(), apply1(relu_grad, {}, {a.inputs[0], g})};
  if (name == "sigmoid") {
    const Tensor& y = a.outputs[0];
    return one(mul(g, mul(y, sub(1.0, y))));
  }
  if (name == "tanh") {
    return one(mul(g, sub(1.0, square(a.outputs[0]))));
  }
  if (name == "where") {
    const Tensor zero = Tensor::scalar(0, g.dtype());
    return {Tensor(), want(1) ? where(a.inputs[0], g, zero) : Tensor(),
            want(2) ? where(a.inputs[0], zero, g) : Tensor()};
  }
  found = false;
  return {};
}

std::vector<Reads> reads_of(const ElementwiseInfo& f) {
  const std::string_view n = f.name;
  if (n == "add" || n == "sub" || n == "copy" || n == "neg") return {Reads::none()};
  if (n == "mul") return {Reads::input(1), Reads::input(0)};
  if (n == "exp" || n == "relu" || n == "sigmoid" || n == "tanh") return {Reads::output()};
  if (n == "where" || n == "relu_grad") return {Reads::input(0)};
  return {{~std::uint64_t{0}, 0}};
}

Tensor call_derivative(const ElementwiseInfo& f, int input, const Attrs& attrs, const Tensor& g,
                       std::span<const Tensor> x) {
  std::vector<Tensor> in = {g};
  in.insert(in.end(), x.begin(), x.end());
  return apply1(find_op(derivative_name(f, input)), attrs, in);
}

void define_value(OpTable& table, const ElementwiseInfo& f, int number) {
  const std::string name(f.name);
  OpDef def{
      .name = name,
      .cls = OpClass::elementwise,
      .min_inputs = f.arity,
      .max_inputs = f.arity,
      .doc = elementwise_doc(f.name),
      .infer =
          [&f, name](const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
            const DType t = value_dtype(name, f, in, where);
            parameters_of(f, attrs);
            return std::vector<TensorSpec>{{broadcast_all(name, in, where),
                                            f.truth ? DType::boolean : t, in[0].device}};
          },
      .eval =
          [&f, number, name](const EvalArgs& e) {
            if (name == "floor_divide" || name == "remainder") {
              refuse_zero_divisors(name, e.inputs[1], e.where);
            }
            const DType t = tile_dtype(e.inputs.back().dtype(), e.backend);
            const auto tile = kernels::find_tile(number, -1, t, e.backend);
            return std::vector<Tensor>{run(e, tile, t, parameters_of(f, e.attrs))};
          },
      .batch = batch_behaviour,
      .samples = [&f] { return elementwise_samples(f); },
  };
  if (f.differentiable != 0) {
    def.reads = reads_of(f);
    def.vjp = [&f](const VjpArgs& a) {
      bool found = false;
      std::vector<Tensor> out = direct_vjp(f.name, a, found);
      out.resize(a.inputs.size());
      for (std::size_t i = 0; i < out.size(); ++i) {
        if (!a.needs(i)) continue;
        if (!found && ((f.differentiable >> i) & 1u) != 0) {
          out[i] = call_derivative(f, static_cast<int>(i), a.attrs, a.cotangents[0], a.inputs);
        }
        if (out[i].defined()) out[i] = sum_to(out[i], a.inputs[i].shape());
      }
      return out;
    };
    def.jvp = [&f](const JvpArgs& a) {
      Tensor sum;
      for (std::size_t i = 0; i < a.inputs.size(); ++i) {
        if (!a.tangents[i].defined() || ((f.differentiable >> i) & 1u) == 0) continue;
        const Tensor part =
            call_derivative(f, static_cast<int>(i), a.attrs, a.tangents[i], a.inputs);
        sum = sum.defined() ? add(sum, part) : part;
      }
      return std::vector<Tensor>{sum};
    };
  }
  table.define(std::move(def));
}

void define_derivative(OpTable& table, const ElementwiseInfo& f, int number, int input) {
  const std::string name = derivative_name(f, input);
  table.define({
      .name = name,
      .cls = OpClass::elementwise,
      .min_inputs = f.arity + 1,
      .max_inputs = f.arity + 1,
      .doc = fmt::format("The first input times the derivative of {} with respect to input {}.",
                         f.name, input),
      .infer =
          [&f, name](const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
            const DType t = value_dtype(name, f, in.subspan(1), where);
            if (in[0].dtype != t) {
              throw Error(fmt::format("{}: a cotangent of dtype {} for inputs of {}", name,
                                      name_of(in[0].dtype), name_of(t)),
                          where);
            }
            parameters_of(f, attrs);
            return std::vector<TensorSpec>{{broadcast_all(name, in, where), t, in[0].device}};
          },
      .eval =
          [&f, number, input](const EvalArgs& e) {
            const DType t = tile_dtype(e.inputs[0].dtype(), e.backend);
            const auto tile = kernels::find_tile(number, input, t, e.backend);
            return std::vector<Tensor>{run(e, tile, t, parameters_of(f, e.attrs))};
          },
      .expand =
          [&f, number, input](const Attrs& attrs, std::span<const Tensor> in) {
            const auto p = parameters_of(f, attrs);
            return std::vector<Tensor>{symbolic_derivative(number, input, in, p.data())};
          },
      .batch = batch_behaviour,
      .samples = [&f] { return derivative_samples(f); },
  });
}

void define_cast(OpTable& table) {
  table.define({
      .name = "cast",
      .cls = OpClass::linear,
      .doc = "The same values as another dtype.",
      .infer =
          [](const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
            const DType to = attrs.dtype("dtype");
            if (in[0].dtype == DType::mask || to == DType::mask) {
              throw Error("cast: mask is no dtype of values", where);
            }
            return std::vector<TensorSpec>{{in[0].shape, to, in[0].device}};
          },
      .eval =
          [](const EvalArgs& e) {
            const DType from = e.inputs[0].dtype(), to = e.outputs[0].dtype;
            const DType via = is_floating(from) ? from : is_floating(to) ? to : DType::i64;
            const bool wide = from == DType::f64 || to == DType::f64;
            const DType t = tile_dtype(wide ? DType::f64 : via, e.backend);
            return std::vector<Tensor>{run(e, kernels::find_tile(0, -1, t, e.backend), t, {})};
          },
      .vjp =
          [](const VjpArgs& a) {
            return std::vector<Tensor>{is_floating(a.inputs[0].dtype())
                                           ? cast(a.cotangents[0], a.inputs[0].dtype())
                                           : Tensor()};
          },
      .reads = {Reads::none()},
      .jvp =
          [](const JvpArgs& a) {
            const DType to = a.attrs.dtype("dtype");
            return std::vector<Tensor>{is_floating(to) ? cast(a.tangents[0], to) : Tensor()};
          },
      .batch = batch_behaviour,
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"dtype", DType::f64}}, {scaled_values(Shape{3, 5})}},
                {{{"dtype", DType::i32}}, {scaled_values(Shape{3, 5}, 9.25)}, false},
                {{{"dtype", DType::boolean}}, {scaled_values(Shape{7})}, false},
                {{{"dtype", DType::f64}}, {scaled_values(Shape{0, 3})}},
            };
          },
  });
}

}  // namespace

void define_elementwise_ops(OpTable& table) {
  const auto functions = kernels::elementwise_functions();
  for (std::size_t n = 0; n < functions.size(); ++n) {
    const ElementwiseInfo& f = functions[n];
    define_value(table, f, static_cast<int>(n));
    for (int i = 0; i < f.arity; ++i) {
      if (((f.differentiable >> i) & 1u) != 0) define_derivative(table, f, static_cast<int>(n), i);
    }
  }
  define_cast(table);
}

}  // namespace ingrad
