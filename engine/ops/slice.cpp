// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/slice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/convert.h"
#include "engine/dense.h"
#include "engine/ops/describe.h"
#include "engine/ops/shape.h"
#include "engine/ops/table.h"

namespace ingrad {
namespace {

using Specs = std::span<const TensorSpec>;
using Ints = Attr::Ints;

std::size_t at(int axis) { return static_cast<std::size_t>(axis); }

// One list entry per axis, each at least `least`; Error otherwise.
const Ints& per_axis(const char* op, const Attrs& attrs, const char* name, const TensorSpec& in,
                     std::int64_t least, Location where) {
  const Ints& v = attrs.ints(name);
  const bool good = static_cast<int>(v.size()) == in.shape.rank() &&
                    std::all_of(v.begin(), v.end(), [&](std::int64_t e) { return e >= least; });
  if (!good) {
    throw Error(fmt::format("{}: {} is [{}]; expected {} values of at least {} for {}", op, name,
                            fmt::join(v, ", "), in.shape.rank(), least, in.str()),
                where);
  }
  return v;
}

std::int64_t count_of(std::int64_t start, std::int64_t stop, std::int64_t step) {
  return stop <= start ? 0 : (stop - start + step - 1) / step;
}

// ---- slice ------------------------------------------------------------------------------------
std::vector<TensorSpec> infer_slice(const Attrs& attrs, Specs in, Location where) {
  const Ints& starts = per_axis("slice", attrs, "starts", in[0], 0, where);
  const Ints& stops = per_axis("slice", attrs, "stops", in[0], 0, where);
  const Ints& steps = per_axis("slice", attrs, "steps", in[0], 1, where);
  Ints extents;
  for (int a = 0; a < in[0].shape.rank(); ++a) {
    if (stops[at(a)] > in[0].shape[a] || starts[at(a)] > stops[at(a)]) {
      throw Error(fmt::format("slice: {}:{} lies outside axis {} of {}", starts[at(a)],
                              stops[at(a)], a, in[0].str()),
                  where);
    }
    extents.push_back(count_of(starts[at(a)], stops[at(a)], steps[at(a)]));
  }
  return {{Shape(extents, where), in[0].dtype, in[0].device}};
}

std::vector<Tensor> eval_slice(const EvalArgs& a) {
  const Tensor& x = a.inputs[0];
  const Ints& starts = a.attrs.ints("starts");
  const Ints& steps = a.attrs.ints("steps");
  Strides strides = x.strides();
  std::int64_t offset = x.offset();
  for (int i = 0; i < x.rank(); ++i) {
    // An empty part keeps the base inside the storage.
    if (a.outputs[0].shape[i] > 0) offset += starts[at(i)] * strides[at(i)];
    strides[at(i)] *= steps[at(i)];
  }
  return {x.as_strided(a.outputs[0].shape, strides, offset)};
}

std::vector<Tensor> vjp_slice(const VjpArgs& a) {
  const Shape& in = a.inputs[0].shape();
  const Shape& out = a.cotangents[0].shape();
  const Ints& starts = a.attrs.ints("starts");
  Ints after, interior;
  for (int i = 0; i < in.rank(); ++i) {
    const std::int64_t step = a.attrs.ints("steps")[at(i)];
    const std::int64_t spread = out[i] == 0 ? 0 : (out[i] - 1) * step + 1;
    after.push_back(in[i] - starts[at(i)] - spread);
    interior.push_back(step - 1);
  }
  return {embed(a.cotangents[0], starts, after, interior)};
}

// Rows stay apart when axis 0 is taken whole.
BatchBehaviour batch_slice(const Attrs& attrs, Specs in) {
  if (in[0].shape.rank() == 0) return BatchBehaviour::per_row;
  const bool whole = attrs.ints("starts")[0] == 0 && attrs.ints("steps")[0] == 1 &&
                     attrs.ints("stops")[0] == in[0].shape[0];
  return whole ? BatchBehaviour::per_row : BatchBehaviour::mixes_rows;
}

// ---- embed ------------------------------------------------------------------------------------
std::vector<TensorSpec> infer_embed(const Attrs& attrs, Specs in, Location where) {
  const Ints& before = per_axis("embed", attrs, "before", in[0], 0, where);
  const Ints& after = per_axis("embed", attrs, "after", in[0], 0, where);
  const Ints& interior = per_axis("embed", attrs, "interior", in[0], 0, where);
  attrs.number("value");
  Ints extents;
  for (int a = 0; a < in[0].shape.rank(); ++a) {
    const std::int64_t n = in[0].shape[a];
    std::int64_t extent = 0;
    if (__builtin_mul_overflow(std::max<std::int64_t>(n - 1, 0), interior[at(a)], &extent) ||
        __builtin_add_overflow(extent, n, &extent) ||
        __builtin_add_overflow(extent, before[at(a)], &extent) ||
        __builtin_add_overflow(extent, after[at(a)], &extent)) {
      throw Error(fmt::format("embed: axis {} of {} grows beyond 64 bits", a, in[0].str()), where);
    }
    extents.push_back(extent);
  }
  return {{Shape(extents, where), in[0].dtype, in[0].device}};
}

std::vector<Tensor> eval_embed(const EvalArgs& a) {
  const Tensor& x = a.inputs[0];
  const TensorSpec& spec = a.outputs[0];
  const Ints& before = a.attrs.ints("before");
  const Ints& interior = a.attrs.ints("interior");
  const Tensor out = Tensor::empty(spec.shape, spec.dtype, a.where);
  const double value = a.attrs.number("value");
  if (out.size() != x.size()) fill_elements(out, value);
  Strides strides = out.strides();
  std::int64_t offset = 0;
  for (int i = 0; i < x.rank(); ++i) {
    offset += before[at(i)] * strides[at(i)];
    strides[at(i)] *= interior[at(i)] + 1;
  }
  if (x.size() > 0) {
    copy_elements(x, out.as_strided(x.shape(), strides, offset), a.backend, a.where);
  }
  return {out};
}

// The slice that takes x back out.
Tensor extract(const Tensor& c, const Attrs& attrs, const Shape& in) {
  static const OpDef& op = find_op("slice");
  const Ints& before = attrs.ints("before");
  Ints stops, steps;
  for (int a = 0; a < in.rank(); ++a) {
    const std::int64_t step = attrs.ints("interior")[at(a)] + 1;
    steps.push_back(step);
    stops.push_back(in[a] == 0 ? before[at(a)] : before[at(a)] + (in[a] - 1) * step + 1);
  }
  return apply1(op, {{"starts", before}, {"stops", stops}, {"steps", steps}}, {c});
}

BatchBehaviour batch_embed(const Attrs& attrs, Specs in) {
  if (in[0].shape.rank() == 0) return BatchBehaviour::per_row;
  const bool whole =
      attrs.ints("before")[0] == 0 && attrs.ints("after")[0] == 0 && attrs.ints("interior")[0] == 0;
  return whole ? BatchBehaviour::per_row : BatchBehaviour::mixes_rows;
}

// ---- flip -------------------------------------------------------------------------------------
std::vector<TensorSpec> infer_flip(const Attrs& attrs, Specs in, Location where) {
  for (const std::int64_t a : attrs.ints("axes")) {
    if (a < 0) throw Error(fmt::format("flip: axis {} of {}", a, in[0].str()), where);
    normalize_axis("flip", a, in[0].shape.rank(), where);
  }
  return {in[0]};
}

std::vector<Tensor> eval_flip(const EvalArgs& a) {
  const Tensor& x = a.inputs[0];
  const Tensor out = Tensor::empty(x.shape(), x.dtype(), a.where);
  if (x.size() == 0) return {out};
  Strides strides = x.strides();
  std::int64_t offset = x.offset();
  for (const std::int64_t axis : a.attrs.ints("axes")) {
    const auto i = static_cast<int>(axis);
    offset += (x.shape()[i] - 1) * strides[at(i)];
    strides[at(i)] = -strides[at(i)];
  }
  copy_elements(x.as_strided(x.shape(), strides, offset), out, a.backend, a.where);
  return {out};
}

}  // namespace

void define_slice_ops(OpTable& table) {
  table.define({
      .name = "slice",
      .cls = OpClass::linear,
      .doc = "Elements start, start + step, ... below stop of every axis; a view.",
      .infer = infer_slice,
      .eval = eval_slice,
      .vjp = vjp_slice,
      .batch = batch_slice,
      .samples =
          [] {
            const auto sample = [](Ints starts, Ints stops, Ints steps, const Shape& shape) {
              return Sample{{{"starts", starts}, {"stops", stops}, {"steps", steps}},
                            {sample_values(shape)}};
            };
            return std::vector<Sample>{sample({1, 0}, {4, 7}, {2, 3}, {5, 7}),
                                       sample({0, 2, 1}, {2, 3, 6}, {1, 1, 2}, {2, 3, 6}),
                                       sample({2}, {2}, {5}, {4}), sample({}, {}, {}, {})};
          },
  });
  table.define({
      .name = "embed",
      .cls = OpClass::linear,
      .doc = "A tensor placed into a constant one, with room before, behind and in between.",
      .infer = infer_embed,
      .eval = eval_embed,
      .vjp =
          [](const VjpArgs& a) {
            return std::vector<Tensor>{extract(a.cotangents[0], a.attrs, a.inputs[0].shape())};
          },
      .jvp =  // the constant has no tangent
      [](const JvpArgs& a) {
        return std::vector<Tensor>{embed(a.tangents[0], a.attrs.ints("before"),
                                         a.attrs.ints("after"), a.attrs.ints("interior"))};
      },
      .batch = batch_embed,
      .samples =
          [] {
            const auto sample = [](Ints before, Ints after, Ints interior, double value,
                                   const Shape& shape) {
              return Sample{
                  {{"before", before}, {"after", after}, {"interior", interior}, {"value", value}},
                  {sample_values(shape)}};
            };
            return std::vector<Sample>{sample({1, 0}, {2, 3}, {0, 0}, 0, {3, 4}),
                                       sample({0, 2}, {1, 0}, {1, 2}, -1.5, {3, 4}),
                                       sample({2, 1}, {0, 1}, {3, 1}, 0.5, {0, 3}),
                                       sample({}, {}, {}, 0, {})};
          },
  });
  table.define({
      .name = "flip",
      .cls = OpClass::linear,
      .doc = "Elements in reverse along axes.",
      .infer = infer_flip,
      .eval = eval_flip,
      .vjp =
          [](const VjpArgs& a) {
            return std::vector<Tensor>{flip(a.cotangents[0], a.attrs.ints("axes"))};
          },
      .batch =
          [](const Attrs& attrs, Specs) {
            const Ints& axes = attrs.ints("axes");
            return std::find(axes.begin(), axes.end(), 0) == axes.end()
                       ? BatchBehaviour::per_row
                       : BatchBehaviour::mixes_rows;
          },
      .samples =
          [] {
            return std::vector<Sample>{{{{"axes", Ints{0, 2}}}, {sample_values(Shape{2, 3, 5})}},
                                       {{{"axes", Ints{1}}}, {sample_values(Shape{3, 37})}},
                                       {{{"axes", Ints{}}}, {sample_values(Shape{4})}},
                                       {{{"axes", Ints{0}}}, {sample_values(Shape{0, 2})}}};
          },
  });
}

Tensor slice(const Tensor& x, const std::vector<Slice>& slices, Location where) {
  static const OpDef& op = find_op("slice");
  if (static_cast<int>(slices.size()) > x.rank()) {
    throw Error(fmt::format("slice: {} slices for {}", slices.size(), x.spec().str()), where);
  }
  Ints starts, stops, steps, backwards;
  bool whole = true;
  for (int a = 0; a < x.rank(); ++a) {
    const std::int64_t n = x.shape()[a];
    const Slice s = at(a) < slices.size() ? slices[at(a)] : Slice{};
    if (s.step == 0) throw Error(fmt::format("slice: step 0 along axis {}", a), where);
    // Python's rule: bounds count from the end when negative, then are clipped to where the walk
    // can begin and end.
    const std::int64_t low = s.step > 0 ? 0 : -1;
    const std::int64_t high = s.step > 0 ? n : n - 1;
    const auto bound = [&](std::optional<std::int64_t> v, std::int64_t otherwise) {
      if (!v) return otherwise;
      return std::clamp(*v < 0 ? std::max(*v, -n - 1) + n : *v, low, high);
    };
    std::int64_t start = bound(s.start, s.step > 0 ? low : high);
    std::int64_t stop = bound(s.stop, s.step > 0 ? high : low);
    std::int64_t step = s.step;
    if (step < 0) {
      // The same elements in rising order, flipped afterwards.
      step = step == std::numeric_limits<std::int64_t>::min() ? n + 1 : -step;
      const std::int64_t count = count_of(stop, start, step);
      const std::int64_t first = start;
      start = count == 0 ? 0 : first - (count - 1) * step;
      stop = count == 0 ? 0 : first + 1;
      backwards.push_back(a);
    }
    stop = std::max(start, stop);
    step = std::min(step, std::max<std::int64_t>(n, 1));
    whole = whole && start == 0 && stop == n && (step == 1 || n <= 1);
    starts.push_back(start);
    stops.push_back(stop);
    steps.push_back(step);
  }
  const Tensor y =
      whole ? x : apply1(op, {{"starts", starts}, {"stops", stops}, {"steps", steps}}, {x}, where);
  return backwards.empty() ? y : flip(y, backwards, where);
}

Tensor slice(const Tensor& x, std::int64_t axis, const Slice& part, Location where) {
  std::vector<Slice> slices(at(normalize_axis("slice", axis, x.rank(), where)) + 1);
  slices.back() = part;
  return slice(x, slices, where);
}

Tensor narrow(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t length,
              Location where) {
  const int a = normalize_axis("narrow", axis, x.rank(), where);
  if (start < 0 || length < 0 || start > x.shape()[a] || length > x.shape()[a] - start) {
    throw Error(fmt::format("narrow: {} elements from {} are not all within axis {} of {}", length,
                            start, a, x.spec().str()),
                where);
  }
  return slice(x, a, {start, start + length}, where);
}

Tensor select(const Tensor& x, std::int64_t axis, std::int64_t index, Location where) {
  const int a = normalize_axis("select", axis, x.rank(), where);
  const std::int64_t n = x.shape()[a];
  if (index < -n || index >= n) {
    throw Error(fmt::format("select: index {} is outside axis {} of {}", index, a, x.spec().str()),
                where);
  }
  const std::int64_t i = index < 0 ? index + n : index;
  return reshape(slice(x, a, {i, i + 1}, where), x.shape().without(a), where);
}

std::vector<Tensor> split(const Tensor& x, IntList sizes, std::int64_t axis, Location where) {
  const int a = normalize_axis("split", axis, x.rank(), where);
  std::int64_t total = 0;
  bool good = true;
  for (const std::int64_t s : sizes.values()) {
    good = good && s >= 0 && s <= x.shape()[a];
    if (good) total += s;
  }
  if (!good || total != x.shape()[a]) {
    throw Error(fmt::format("split: parts of [{}] do not add up to axis {} of {}",
                            fmt::join(sizes.values(), ", "), a, x.spec().str()),
                where);
  }
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (const std::int64_t s : sizes.values()) {
    parts.push_back(slice(x, a, {start, start + s}, where));
    start += s;
  }
  return parts;
}

std::vector<Tensor> split_every(const Tensor& x, std::int64_t size, std::int64_t axis,
                                Location where) {
  const int a = normalize_axis("split_every", axis, x.rank(), where);
  if (size <= 0) throw Error(fmt::format("split_every: parts of {} elements", size), where);
  Ints sizes;
  for (std::int64_t left = x.shape()[a]; left > 0; left -= size) {
    sizes.push_back(std::min(size, left));
  }
  if (sizes.empty()) sizes.push_back(0);
  return split(x, sizes, a, where);
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t axis, Location where) {
  const int a = normalize_axis("chunk", axis, x.rank(), where);
  if (chunks <= 0) throw Error(fmt::format("chunk: {} parts", chunks), where);
  const std::int64_t n = x.shape()[a];
  if (n == 0) return split(x, Ints(static_cast<std::size_t>(chunks), 0), a, where);
  return split_every(x, n / chunks + (n % chunks != 0 ? 1 : 0), a, where);
}

Tensor flip(const Tensor& x, IntList axes, Location where) {
  static const OpDef& op = find_op("flip");
  const auto chosen = normalize_axes("flip", axes, x.rank(), where);
  Ints list;
  for (int a = 0; a < x.rank() && axes.size() > 0; ++a) {
    if (chosen[at(a)]) list.push_back(a);
  }
  if (list.empty()) return x;
  return apply1(op, {{"axes", list}}, {x}, where);
}

Tensor embed(const Tensor& x, IntList before, IntList after, IntList interior, double value,
             Location where) {
  static const OpDef& op = find_op("embed");
  const Ints gaps = interior.size() > 0 ? interior.vector() : Ints(at(x.rank()), 0);
  const Ints front = before.vector(), back = after.vector();
  const auto none = [](const Ints& v) {
    return std::all_of(v.begin(), v.end(), [](std::int64_t e) { return e == 0; });
  };
  if (none(front) && none(back) && none(gaps) && front.size() == at(x.rank()) &&
      back.size() == at(x.rank())) {
    return x;
  }
  return apply1(op, {{"before", front}, {"after", back}, {"interior", gaps}, {"value", value}}, {x},
                where);
}

}  // namespace ingrad
