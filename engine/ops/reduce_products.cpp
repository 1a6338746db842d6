// SPDX-License-Identifier: Apache-2.0
// prod, logsumexp and p-norms.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/concat.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/ops/table.h"

namespace ingrad {
namespace {

using kernels::ReduceKind;
using Specs = std::span<const TensorSpec>;
using Ints = Attr::Ints;

Sample sample(const Tensor& x, Ints axes, bool keepdim) {
  return {{{"axes", std::move(axes)}, {"keepdim", keepdim}}, {x}};
}

std::vector<TensorSpec> infer_floating(const char* op, const Attrs& attrs, Specs in,
                                       Location where) {
  require_floating(op, in[0], where);
  const Reduction r = Reduction::of(op, attrs, in[0].shape, where);
  return {{r.output(in[0].shape), in[0].dtype, in[0].device}};
}

// ---- prod -------------------------------------------------------------------------------------
// x with the reduced axes moved to the end and joined: [kept..., n].
Tensor reduced_axes_last(const Tensor& x, const Reduction& r) {
  std::vector<std::int64_t> order, extents;
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < x.rank(); ++i) {
      if (r.reduced[static_cast<std::size_t>(i)] != (pass == 1)) continue;
      order.push_back(i);
      if (pass == 0) extents.push_back(x.shape()[i]);
    }
  }
  extents.push_back(r.extent(x.shape()));
  return reshape(permute(x, order), extents);
}

// Halves multiplied onto each other until one factor is left. Unlike y / x, its derivatives of any
// order hold where factors are zero.
std::vector<Tensor> expand_prod(const Attrs& attrs, std::span<const Tensor> in) {
  const Reduction r = Reduction::of("prod", attrs, in[0].shape());
  const Shape out = r.output(in[0].shape());
  Tensor x = is_floating(in[0].dtype()) ? in[0] : cast(in[0], DType::i64);
  std::int64_t n = r.extent(x.shape());
  if (n == 0) return {Tensor::full(out, 1, x.dtype())};
  x = reduced_axes_last(x, r);
  while (n > 1) {
    const std::int64_t half = n / 2;
    const Tensor left = narrow(x, -1, 0, half), right = narrow(x, -1, half, half);
    const Tensor product = left * right;
    x = n % 2 == 0 ? product : concat({product, narrow(x, -1, n - 1, 1)}, -1);
    n -= half;
  }
  return {reshape(x, out)};
}

void define_prod(OpTable& table) {
  table.define({
      .name = "prod",
      .cls = OpClass::composite,
      .doc = "Product over axes.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            const Reduction r = Reduction::of("prod", attrs, in[0].shape, where);
            const DType t = is_floating(in[0].dtype) ? in[0].dtype : DType::i64;
            return std::vector<TensorSpec>{{r.output(in[0].shape), t, in[0].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            const Tensor x = kernel_operand(a.inputs[0]);
            const Reduction r = Reduction::of("prod", a.attrs, x.shape(), a.where);
            const DType t = is_floating(x.dtype()) ? x.dtype() : DType::i64;
            const Tensor y =
                reduce_elements(ReduceKind::product, x, r, a.outputs[0].shape, t, a);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, y)};
          },
      .expand = expand_prod,
      .batch = reduction_batch,
      .samples =
          [] {
            const Tensor zeros = Tensor::from<double>({1.5, 0, -2, 0.5, 0, 0}, Shape{2, 3});
            return std::vector<Sample>{sample(sample_values(Shape{3, 5}, 2), {1}, false),
                                       sample(sample_values(Shape{2, 3, 4}, 2), {0, 2}, true),
                                       sample(sample_values(Shape{7}, 2), {}, false),
                                       sample(sample_values(Shape{}, 2), {}, false),
                                       sample(sample_values(Shape{2, 0}), {1}, false),
                                       sample(zeros, {1}, false)};
          },
  });
}

// ---- logsumexp --------------------------------------------------------------------------------
void define_logsumexp(OpTable& table) {
  table.define({
      .name = "logsumexp",
      .cls = OpClass::composite,
      .doc = "log(sum(exp(x))) over axes, without overflow.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            return infer_floating("logsumexp", attrs, in, where);
          },
      .eval =
          [](const EvalArgs& a) {
            const Tensor x = kernel_operand(a.inputs[0]);
            const Reduction r = Reduction::of("logsumexp", a.attrs, x.shape(), a.where);
            const Shape& shape = a.outputs[0].shape;
            KernelOperands operands;
            if (r.extent(x.shape()) > 0) {
              operands.shift = reduce_elements(ReduceKind::maximum, x, r, shape, x.dtype(), a);
              const Tensor& m = operands.shift;
              operands.shift = where(isinf(m), Tensor::zeros(m.shape(), m.dtype()), m);
            }
            Tensor y = log(
                reduce_elements(ReduceKind::sum_exp, x, r, shape, x.dtype(), a, operands));
            if (operands.shift.defined()) y = y + operands.shift;
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, y)};
          },
      .expand =
          [](const Attrs& attrs, std::span<const Tensor> in) {
            const Tensor& x = in[0];
            const Reduction r = Reduction::of("logsumexp", attrs, x.shape());
            const auto axes = r.axes(x.rank());
            if (r.extent(x.shape()) == 0) return std::vector<Tensor>{log(sum(x, axes, r.keepdim))};
            // The maximum only shifts: its derivative cancels.
            const Tensor top = amax(x.detach(), axes, true);
            const Tensor m = where(isinf(top), 0.0, top);
            const Tensor s = sum(exp(x - m), axes, true);
            return std::vector<Tensor>{reshape(log(s) + m, r.output(x.shape()))};
          },
      .vjp =
          [](const VjpArgs& a) {
            const Tensor& x = a.inputs[0];
            const Reduction r = Reduction::of("logsumexp", a.attrs, x.shape());
            const Tensor y = with_reduced_axes(a.outputs[0], r, x.shape());
            const Tensor g = with_reduced_axes(a.cotangents[0], r, x.shape());
            return std::vector<Tensor>{g * exp(x - y)};
          },
      .reads = {Reads::input(0) | Reads::output()},
      .batch = reduction_batch,
      .samples =
          [] {
            return std::vector<Sample>{sample(sample_values(Shape{3, 5}, 4), {1}, false),
                                       sample(sample_values(Shape{2, 3, 40}, 4), {0, 2}, true),
                                       sample(sample_values(Shape{9, 6}, 30), {0}, false),
                                       sample(sample_values(Shape{}, 4), {}, false),
                                       sample(sample_values(Shape{0, 3}), {1}, false)};
          },
  });
}

// ---- norm -------------------------------------------------------------------------------------
// |x|^p and x |x|^(p-2) are not finite at 0 for small p: where x is 0, `safe` is 1 and the result
// is masked.
std::vector<Tensor> expand_norm(const Attrs& attrs, std::span<const Tensor> in) {
  const Tensor& x = in[0];
  const Reduction r = Reduction::of("norm", attrs, x.shape());
  const auto axes = r.axes(x.rank());
  const double p = attrs.number("p");
  if (p == 0) return {cast(count_nonzero(x, axes, r.keepdim), x.dtype())};
  if (p == 1) return {sum(abs(x), axes, r.keepdim)};
  if (p == 2) return {sqrt(sum(x * x, axes, r.keepdim))};
  if (p == INFINITY) return {amax(abs(x), axes, r.keepdim)};
  if (p == -INFINITY) return {amin(abs(x), axes, r.keepdim)};
  return {pow(sum(pow(abs(x), p), axes, r.keepdim), 1 / p)};
}

std::vector<Tensor> vjp_norm(const VjpArgs& a) {
  const Tensor& x = a.inputs[0];
  const Reduction r = Reduction::of("norm", a.attrs, x.shape());
  const double p = a.attrs.number("p");
  const Tensor g = with_reduced_axes(a.cotangents[0], r, x.shape());
  const Tensor y = with_reduced_axes(a.outputs[0], r, x.shape());
  if (p == 0) return {Tensor()};
  if (p == 1) return {g * sign(x)};
  if (std::isinf(p)) {
    const Tensor extreme = cast(eq(abs(x), y), x.dtype());
    const Tensor share = g / sum(extreme, r.axes(x.rank()), true);
    return {share * extreme * sign(x)};
  }
  const Tensor zero = eq(y, 0.0);
  const Tensor safe_y = where(zero, 1.0, y);
  const Tensor scaled = where(zero, 0.0, g / safe_y);  // g / y, 0 at the zero vector
  if (p == 2) return {scaled * x};
  // g x |x|^(p-2) / y^(p-1) = (g / y) x |x|^(p-2) / y^(p-2)
  const Tensor at_zero = eq(x, 0.0);
  const Tensor safe_x = where(at_zero, 1.0, x);
  const Tensor slope = scaled * safe_x * pow(abs(safe_x) / safe_y, p - 2);
  return {where(at_zero, 0.0, slope)};
}

void define_norm(OpTable& table) {
  table.define({
      .name = "norm",
      .cls = OpClass::composite,
      .doc = "p-norm over axes.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            const double p = attrs.number("p");
            if (std::isnan(p)) throw Error("norm: p is NaN", where);
            const auto out = infer_floating("norm", attrs, in, where);
            if (std::isinf(p) || p < 0) {
              require_elements("norm", in[0], Reduction::of("norm", attrs, in[0].shape), where);
            }
            return out;
          },
      .eval =
          [](const EvalArgs& a) {
            const double p = a.attrs.number("p");
            const Tensor x = kernel_operand(a.inputs[0]);
            const Reduction r = Reduction::of("norm", a.attrs, x.shape(), a.where);
            const Shape& shape = a.outputs[0].shape;
            Tensor y;
            if (p == 1) {
              y = reduce_elements(ReduceKind::sum_absolute, x, r, shape, x.dtype(), a);
            } else if (p == 2) {
              y = sqrt(reduce_elements(ReduceKind::sum_square, x, r, shape, x.dtype(), a));
            } else if (p == INFINITY) {
              y = reduce_elements(ReduceKind::maximum_absolute, x, r, shape, x.dtype(), a);
            } else {
              y = expand_norm(a.attrs, {{x}})[0];
            }
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, y)};
          },
      .expand = expand_norm,
      .vjp = vjp_norm,
      .reads = {Reads::input(0) | Reads::output()},
      .batch = reduction_batch,
      .samples =
          [] {
            std::vector<Sample> all;
            const double infinity = std::numeric_limits<double>::infinity();
            for (const double p : {2.0, 1.0, 3.0, 2.5, -1.0, infinity, -infinity, 0.0}) {
              for (Sample s : {sample(sample_values(Shape{3, 5}, 2), {1}, false),
                               sample(sample_values(Shape{2, 3, 7}, 2), {0, 2}, true),
                               sample(sample_values(Shape{6}, 2), {}, false)}) {
                s.attrs.set("p", p);
                all.push_back(s);
              }
            }
            return all;
          },
  });
}

}  // namespace

void define_product_ops(OpTable& table) {
  define_prod(table);
  define_logsumexp(table);
  define_norm(table);
}

Tensor prod(const Tensor& x, IntList axes, bool keepdim, Location where) {
  static const OpDef& op = find_op("prod");
  return apply1(op, reduction_attrs("prod", x, axes, keepdim, where), {x}, where);
}

Tensor logsumexp(const Tensor& x, IntList axes, bool keepdim, Location where) {
  static const OpDef& op = find_op("logsumexp");
  return apply1(op, reduction_attrs("logsumexp", x, axes, keepdim, where), {x}, where);
}

Tensor norm(const Tensor& x, double p, IntList axes, bool keepdim, Location where) {
  static const OpDef& op = find_op("norm");
  Attrs attrs = reduction_attrs("norm", x, axes, keepdim, where);
  return apply1(op, attrs.set("p", p), {x}, where);
}

}  // namespace ingrad
