// SPDX-License-Identifier: Apache-2.0
// Losses over classes. cross_entropy with class indices is an op with fused kernels; class_mask
// turns indices into a mask, and is where the others (and its definition) check them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "engine/dense.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loss_reduction.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shape.h"
#include "engine/ops/softmax.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/index.h"
#include "kernels/loss.h"

namespace ingrad {
namespace {

using Specs = std::span<const TensorSpec>;

// ---- checks -----------------------------------------------------------------------------------
// Every index is a class or to be ignored. Kernels rely on it.
struct Targets {
  const std::int64_t* p;
  Shape shape;
  std::int64_t classes, ignore_index;
  std::string_view op;  // outlives the call: a literal or an op's attribute
  Location where;

  template <class F>
  void for_each_operand(F&& f) {
    f(p);
  }
};

void find_no_class(const Targets& t, kernels::Range r) {
  for (std::int64_t i = r.begin; i < r.end; ++i) {
    if ((t.p[i] >= 0 && t.p[i] < t.classes) || t.p[i] == t.ignore_index) continue;
    std::vector<std::int64_t> position(static_cast<std::size_t>(t.shape.rank()));
    std::int64_t rest = i;
    for (int axis = t.shape.rank() - 1; axis >= 0; --axis) {
      position[static_cast<std::size_t>(axis)] = rest % t.shape[axis];
      rest /= t.shape[axis];
    }
    throw Error(fmt::format("{}: target {} at position [{}] is not a class; there are {} classes",
                            t.op, t.p[i], fmt::join(position, ", "), t.classes),
                t.where);
  }
}

void check_targets(std::string_view op, const Tensor& target, std::int64_t classes,
                   std::int64_t ignore_index, Location where) {
  if (target.device().kind != Device::Kind::cpu) {
    // Programs for a device check nothing while they run: kernels there ignore such a target.
    if (KernelRecorder::active() == nullptr) {
      check_targets(op, target.to({}, where), classes, ignore_index, where);
    }
    return;
  }
  const Targets args{static_cast<const std::int64_t*>(target.raw()),
                     target.shape(),
                     classes,
                     ignore_index,
                     op,
                     where};
  run_ranges<Targets>(find_no_class, args, target.size(), target.size(), 0);
}

void check_class_shapes(std::string_view op, const Shape& logits, const TensorSpec& target,
                        Location where) {
  if (logits.rank() >= 2 && target.dtype == DType::i64 && target.shape == logits.without(1)) return;
  throw Error(fmt::format("{}: targets are {}; expected i64[N, d...] for {} as [N, C, d...]", op,
                          target.str(), logits.str()),
              where);
}

void check_weight(std::string_view op, const TensorSpec& weight, const TensorSpec& logits,
                  Location where) {
  if (weight.shape == Shape{logits.shape[1]} && weight.dtype == logits.dtype) return;
  throw Error(fmt::format("{}: class weights are {}; expected {}[{}]", op, weight.str(),
                          name_of(logits.dtype), logits.shape[1]),
              where);
}

// ---- class_mask -------------------------------------------------------------------------------
struct Marks {
  bool* mask;
  const std::int64_t* target;
  std::int64_t inner, classes, ignored;

  template <class F>
  void for_each_operand(F&& f) {
    f(mask);
    f(target);
  }
};

// [N, d...] marks of [N d..., C], turned; an ignored class marks nothing there.
Tensor class_mask_on_device(const EvalArgs& a, const Tensor& target, std::int64_t classes) {
  const Shape& shape = a.outputs[0].shape;
  const auto scalar = [](std::int64_t v) {
    return Tensor::full(Shape{}, static_cast<double>(v), DType::i64);
  };
  const Tensor ignored = scalar(a.attrs.integer("ignore_index"));
  const Tensor wanted = ingrad::where(eq(target, ignored), scalar(-1), target);
  const Tensor marks = Tensor::empty(Shape{target.size(), classes}, DType::boolean, a.where);
  run_kernel(kernels::one_hot, a.backend, DType::boolean,
             kernels::OneHotArgs{static_cast<const std::int64_t*>(wanted.raw()),
                                 marks.mutable_raw(), target.size(), classes},
             a.where);
  Strides strides = contiguous_strides(shape);
  const std::int64_t inner = shape.rank() == 0 || shape[0] == 0 ? 0 : target.size() / shape[0];
  strides[0] = inner * classes;
  strides[1] = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) strides[static_cast<std::size_t>(axis)] *= classes;
  return dense(marks.as_strided(shape, strides, 0), a.backend, a.where);
}

std::vector<Tensor> eval_class_mask(const EvalArgs& a) {
  const Tensor target = dense(a.inputs[0], a.backend, a.where);
  const std::int64_t classes = a.attrs.integer("classes");
  const std::int64_t ignored = a.attrs.integer("ignore_index");
  check_targets(a.attrs.text("caller"), target, classes, ignored, a.where);
  const std::int64_t rows = target.shape()[0];
  if (a.backend == Backend::cuda) return {class_mask_on_device(a, target, classes)};
  const Tensor mask = Tensor::zeros(a.outputs[0].shape, DType::boolean, a.where);
  const Marks marks{static_cast<bool*>(mask.mutable_raw()),
                    static_cast<const std::int64_t*>(target.raw()),
                    rows == 0 ? 0 : target.size() / rows, classes, ignored};
  run_ranges<Marks>(
      [](const Marks& m, kernels::Range r) {
        for (std::int64_t i = r.begin; i < r.end; ++i) {
          const std::int64_t t = m.target[i];
          if (t == m.ignored) continue;
          m.mask[(i / m.inner * m.classes + t) * m.inner + i % m.inner] = true;
        }
      },
      marks, target.size(), target.size(), 0);
  return {mask};
}

void define_class_mask(OpTable& table) {
  table.define({
      .name = "class_mask",
      .cls = OpClass::selection,
      .doc = "Class indices [N, d...] as a mask [N, C, d...]; empty where ignored.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            attrs.integer("ignore_index");
            attrs.text("caller");
            if (in[0].dtype != DType::i64 || in[0].shape.rank() < 1) {
              throw Error(fmt::format("class_mask: input is {}; expected i64[N, d...]",
                                      in[0].str()),
                          where);
            }
            const Shape shape = in[0].shape.with_inserted(1, attrs.integer("classes"));
            return std::vector<TensorSpec>{{shape, DType::boolean, in[0].device}};
          },
      .eval = eval_class_mask,
      .batch = rows_stay_apart,
      .samples =
          [] {
            const Attrs attrs{{"classes", 5}, {"ignore_index", 2}, {"caller", "class_mask"}};
            return std::vector<Sample>{{attrs, {sample_indices(Shape{4}, 5)}},
                                       {attrs, {sample_indices(Shape{2, 3, 2}, 5)}}};
          },
  });
}

Tensor class_mask(const char* caller, const Tensor& target, std::int64_t classes,
                  std::int64_t ignore_index, Location where) {
  return apply1(find_op("class_mask"),
                {{"classes", classes}, {"ignore_index", ignore_index}, {"caller", caller}},
                {target}, where);
}

// A value per class, ready to broadcast against [N, C, d...].
Tensor per_class(const Tensor& v, int rank) {
  Shape s = v.shape();
  for (int i = 2; i < rank; ++i) s = s.with_inserted(s.rank(), 1);
  return reshape(v, s);
}

// ---- cross_entropy: (logits, target[, weight]) to losses [N, d...] -------------------------------
// Weighted masks of the target term and of the smoothing term, so that the loss is
// -sum_c (where(mask, w, 0) (1 - s) + keep w s/C) log p[c].
struct Terms {
  Tensor mask;   // boolean [N, C, d...]
  Tensor keep;   // [N, 1, d...]: 0 on ignored lines
  double own = 1, spread = 0;
};
Terms terms_of(const Attrs& attrs, const Tensor& logits, const Tensor& target) {
  const std::int64_t classes = logits.shape()[1];
  Terms t;
  t.mask = class_mask("cross_entropy", target, classes, attrs.integer("ignore_index"),
                      Location::current());
  t.keep = cast(any(t.mask, {1}, true), logits.dtype());
  const double s = attrs.number("label_smoothing");
  t.own = 1 - s;
  t.spread = classes > 0 ? s / static_cast<double>(classes) : 0;
  return t;
}

std::vector<Tensor> expand_cross_entropy(const Attrs& attrs, std::span<const Tensor> in) {
  const Terms t = terms_of(attrs, in[0], in[1]);
  Tensor l = log_softmax(in[0], 1);
  if (in.size() > 2) l = l * per_class(in[2], l.rank());
  Tensor loss = sum(where(t.mask, l, 0.0), {1}) * -t.own;
  if (t.spread > 0) {
    const Tensor kept = where(ne(t.keep, 0.0), l, 0.0);
    loss = loss - sum(kept, {1}) * t.spread;
  }
  return {loss};
}

std::vector<Tensor> vjp_cross_entropy(const VjpArgs& a) {
  const Tensor &logits = a.inputs[0], &target = a.inputs[1], &g = a.cotangents[0];
  std::vector<Tensor> out(a.inputs.size());
  const OpDef& op = find_op("cross_entropy_grad");
  if (a.needs(0)) {
    out[0] = a.inputs.size() > 2 ? apply1(op, a.attrs, {g, logits, target, a.inputs[2]})
                                 : apply1(op, a.attrs, {g, logits, target});
  }
  if (a.inputs.size() > 2 && a.needs(2)) {
    const Terms t = terms_of(a.attrs, logits, target);
    const Tensor share =
        cast(t.mask, logits.dtype()) * t.own + t.keep * t.spread;  // the smoothed target
    const Tensor per_element = share * log_softmax(logits, 1) * unsqueeze(g, 1);
    std::vector<std::int64_t> axes{0};
    for (int i = 2; i < logits.rank(); ++i) axes.push_back(i);
    out[2] = -sum(per_element, axes);
  }
  return out;
}

struct Operands {
  Tensor x, target, weight;
  AxisView view;
};
Operands operands_of(const EvalArgs& a, std::size_t first) {
  Operands o;
  o.x = dense(kernel_operand(a.inputs[first]), a.backend, a.where);
  o.target = dense(a.inputs[first + 1], a.backend, a.where);
  if (a.inputs.size() > first + 2) {
    o.weight = dense(kernel_operand(a.inputs[first + 2]), a.backend, a.where);
  }
  o.view = around(o.x.shape(), 1);
  check_targets("cross_entropy", o.target, o.view.extent, a.attrs.integer("ignore_index"),
                a.where);
  return o;
}

void check_cross_entropy(const char* op, const Attrs& attrs, Specs in, Location where) {
  attrs.integer("ignore_index");
  const double s = attrs.number("label_smoothing");
  if (!(s >= 0 && s <= 1)) {
    throw Error(fmt::format("{}: label_smoothing is {}; expected 0 to 1", op, s), where);
  }
  require_floating(op, in[0], where);
  check_class_shapes(op, in[0].shape, in[1], where);
  if (in.size() > 2) check_weight(op, in[2], in[0], where);
}

std::vector<Sample> class_samples(bool with_cotangent) {
  const auto sample = [with_cotangent](const Shape& shape, bool weighted, double smoothing,
                                       std::int64_t ignored) {
    Sample s{{{"ignore_index", ignored}, {"label_smoothing", smoothing}}, {}};
    if (with_cotangent) s.inputs.push_back(sample_values(shape.without(1), 3));
    s.inputs.push_back(sample_values(shape));
    s.inputs.push_back(sample_indices(shape.without(1), shape[1], 5));
    if (weighted) s.inputs.push_back(abs(sample_values(Shape{shape[1]}, 2)) + 0.3);
    return s;
  };
  return {sample(Shape{6, 5}, false, 0, -100),     sample(Shape{5, 37}, true, 0.15, 2),
          sample(Shape{2, 3, 4}, true, 0, 1),      sample(Shape{2, 5, 3, 7}, false, 0.1, -100),
          sample(Shape{2, 4, 19}, true, 0.2, 0),   sample(Shape{0, 3}, false, 0, -100)};
}

void define_cross_entropy(OpTable& table) {
  table.define({
      .name = "cross_entropy",
      .cls = OpClass::composite,
      .min_inputs = 2,
      .max_inputs = 3,
      .doc = "Cross entropy of logits with class indices, per sample and position.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            check_cross_entropy("cross_entropy", attrs, in, where);
            return std::vector<TensorSpec>{{in[1].shape, in[0].dtype, in[0].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            const Operands o = operands_of(a, 0);
            const Tensor loss = Tensor::empty(a.outputs[0].shape, o.x.dtype(), a.where);
            kernels::CrossEntropyArgs args;
            args.x = o.x.raw();
            args.target = static_cast<const std::int64_t*>(o.target.raw());
            args.weight = o.weight.defined() ? o.weight.raw() : nullptr;
            args.loss = loss.mutable_raw();
            args.outer = o.view.outer;
            args.n = o.view.extent;
            args.inner = o.view.inner;
            args.ignore_index = a.attrs.integer("ignore_index");
            args.smoothing = a.attrs.number("label_smoothing");
            run_kernel(kernels::cross_entropy, a.backend, o.x.dtype(), args, a.where);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, loss)};
          },
      .expand = expand_cross_entropy,
      .vjp = vjp_cross_entropy,
      .reads = {Reads::input(0) | Reads::input(1) | Reads::input(2), Reads::none(),
                Reads::input(0) | Reads::input(1)},
      .batch = rows_stay_apart,
      .samples = [] { return class_samples(false); },
  });
}

// ---- its backward pass: (cotangent, logits, target[, weight]) ------------------------------------
std::vector<Tensor> expand_cross_entropy_grad(const Attrs& attrs, std::span<const Tensor> in) {
  const Tensor& logits = in[1];
  const Terms t = terms_of(attrs, logits, in[2]);
  Tensor share = cast(t.mask, logits.dtype()) * t.own + t.keep * t.spread;
  if (in.size() > 3) share = share * per_class(in[3], logits.rank());
  const Tensor dx = softmax(logits, 1) * sum(share, {1}, true) - share;
  return {dx * unsqueeze(in[0], 1)};
}

void define_cross_entropy_grad(OpTable& table) {
  table.define({
      .name = "cross_entropy_grad",
      .cls = OpClass::composite,
      .min_inputs = 3,
      .max_inputs = 4,
      .doc = "Backward pass of cross_entropy to the logits.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            check_cross_entropy("cross_entropy_grad", attrs, in.subspan(1), where);
            if (in[0].shape != in[2].shape || in[0].dtype != in[1].dtype) {
              throw Error(fmt::format("cross_entropy_grad: cotangent is {}; expected {}{}",
                                      in[0].str(), name_of(in[1].dtype), in[2].shape.str()),
                          where);
            }
            return std::vector<TensorSpec>{in[1]};
          },
      .eval =
          [](const EvalArgs& a) {
            const Operands o = operands_of(a, 1);
            const Tensor g = dense(kernel_operand(a.inputs[0]), a.backend, a.where);
            const Tensor dx = Tensor::empty(o.x.shape(), o.x.dtype(), a.where);
            kernels::CrossEntropyGradArgs args;
            args.x = o.x.raw();
            args.target = static_cast<const std::int64_t*>(o.target.raw());
            args.weight = o.weight.defined() ? o.weight.raw() : nullptr;
            args.dloss = g.raw();
            args.dx = dx.mutable_raw();
            args.outer = o.view.outer;
            args.n = o.view.extent;
            args.inner = o.view.inner;
            args.ignore_index = a.attrs.integer("ignore_index");
            args.smoothing = a.attrs.number("label_smoothing");
            run_kernel(kernels::cross_entropy_grad, a.backend, o.x.dtype(), args, a.where);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, dx)};
          },
      .expand = expand_cross_entropy_grad,
      .batch = rows_stay_apart,
      .samples = [] { return class_samples(true); },
  });
}

// ---- public functions ---------------------------------------------------------------------------
bool is_class_index(DType t) { return t == DType::i64 || t == DType::i32 || t == DType::u8; }

// The mean over samples weighted by the weights of their classes, or one of the plain reductions.
Tensor reduce_classes(const char* op, const Tensor& losses, const Tensor& target,
                      std::int64_t classes, const ClassLossOptions& o, Location where) {
  if (o.reduction != LossReduction::mean) return reduce_loss(op, losses, o.reduction, where);
  Tensor total;
  if (o.weight.defined()) {
    const Tensor mask = class_mask(op, target, classes, o.ignore_index, where);
    const Tensor w = per_class(o.weight, mask.rank());
    total = sum(mul(cast(mask, losses.dtype(), where), w, where), {}, false, where);
  } else {
    const Tensor kept = ne(target, o.ignore_index, where);
    total = cast(count_nonzero(kept, {}, false, where), losses.dtype(), where);
  }
  return div(sum(losses, {}, false, where), total, where);
}

Tensor soft_cross_entropy(const Tensor& logits, const Tensor& target, const ClassLossOptions& o,
                          Location where) {
  require_pair("cross_entropy", logits, target, where);
  if (!(o.label_smoothing >= 0 && o.label_smoothing <= 1)) {
    throw Error(fmt::format("cross_entropy: label_smoothing is {}; expected 0 to 1",
                            o.label_smoothing),
                where);
  }
  const std::int64_t classes = logits.shape()[1];
  Tensor share = target;
  if (o.label_smoothing > 0) {
    share = share * (1 - o.label_smoothing) + o.label_smoothing / static_cast<double>(classes);
  }
  if (o.weight.defined()) {
    check_weight("cross_entropy", o.weight.spec(), logits.spec(), where);
    share = share * per_class(o.weight, logits.rank());
  }
  return reduce_loss("cross_entropy",
                     -sum(share * log_softmax(logits, 1, where), {1}, false, where), o.reduction,
                     where);
}

// Adds the missing row axis of [C] with a single target; `f` sees [1, C] and [1].
template <class F>
Tensor with_rows(const char* op, const Tensor& x, const Tensor& target, LossReduction reduction,
                 Location where, F f) {
  if (x.rank() == 0) throw Error(fmt::format("{}: input has no class axis", op), where);
  if (x.rank() > 1) return f(x, target);
  const Tensor loss = f(unsqueeze(x, 0, where), unsqueeze(target, 0, where));
  return reduction == LossReduction::none ? squeeze(loss, {0}, where) : loss;
}

// Class indices as i64; Error for other dtypes.
Tensor as_indices(const char* op, const Tensor& target, Location where) {
  if (!is_class_index(target.dtype())) {
    throw Error(fmt::format("{}: targets are {}; expected class indices (i64, i32 or u8)", op,
                            target.spec().str()),
                where);
  }
  return cast(target, DType::i64, where);
}

}  // namespace

void define_class_loss_ops(OpTable& table) {
  define_class_mask(table);
  define_cross_entropy(table);
  define_cross_entropy_grad(table);
}

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const ClassLossOptions& options,
                     Location where) {
  return with_rows(
      "cross_entropy", logits, target, options.reduction, where,
      [&](const Tensor& x, const Tensor& t) {
        if (is_floating(t.dtype())) return soft_cross_entropy(x, t, options, where);
        const Tensor indices = as_indices("cross_entropy", t, where);
        std::vector<Tensor> in{x, indices};
        if (options.weight.defined()) in.push_back(options.weight);
        const Tensor losses = apply1(find_op("cross_entropy"),
                                     {{"ignore_index", options.ignore_index},
                                      {"label_smoothing", options.label_smoothing}},
                                     in, where);
        return reduce_classes("cross_entropy", losses, indices, x.shape()[1], options, where);
      });
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                const ClassLossOptions& options, Location where) {
  if (options.label_smoothing != 0) {
    throw Error("nll_loss: label smoothing belongs to cross_entropy", where);
  }
  return with_rows(
      "nll_loss", log_probabilities, target, options.reduction, where,
      [&](const Tensor& x, const Tensor& t) {
        require_floating("nll_loss", x.spec(), where);
        const Tensor indices = as_indices("nll_loss", t, where);
        check_class_shapes("nll_loss", x.shape(), indices.spec(), where);
        const std::int64_t classes = x.shape()[1];
        const Tensor mask = class_mask("nll_loss", indices, classes, options.ignore_index, where);
        Tensor l = x;
        if (options.weight.defined()) {
          check_weight("nll_loss", options.weight.spec(), x.spec(), where);
          l = l * per_class(options.weight, x.rank());
        }
        const Tensor losses = -sum(ingrad::where(mask, l, 0.0, where), {1}, false, where);
        return reduce_classes("nll_loss", losses, indices, classes, options, where);
      });
}

Tensor multi_margin_loss(const Tensor& x, const Tensor& target, int p, double margin,
                         const Tensor& weight, LossReduction reduction, Location where) {
  constexpr const char* kOp = "multi_margin_loss";
  if (p != 1 && p != 2) throw Error(fmt::format("{}: p is {}; expected 1 or 2", kOp, p), where);
  return with_rows(kOp, x, target, reduction, where, [&](const Tensor& rows, const Tensor& t) {
    require_floating(kOp, rows.spec(), where);
    const Tensor indices = as_indices(kOp, t, where);
    check_class_shapes(kOp, rows.shape(), indices.spec(), where);
    if (rows.rank() != 2) {
      throw Error(fmt::format("{}: input is {}; expected [N, C] or [C]", kOp, rows.spec().str()),
                  where);
    }
    const std::int64_t classes = rows.shape()[1];
    const Tensor mask = class_mask(kOp, indices, classes, -1, where);
    const Tensor own = sum(ingrad::where(mask, rows, 0.0, where), {1}, true, where);
    Tensor excess = clamp(margin - own + rows, 0);
    if (p == 2) excess = square(excess, where);
    excess = ingrad::where(mask, 0.0, excess, where);
    Tensor losses = sum(excess, {1}, false, where) / static_cast<double>(classes);
    if (weight.defined()) {
      check_weight(kOp, weight.spec(), rows.spec(), where);
      losses = losses * sum(cast(mask, rows.dtype(), where) * weight, {1}, false, where);
    }
    return reduce_loss(kOp, losses, reduction, where);
  });
}

}  // namespace ingrad
