// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "engine/dense.h"
#include "engine/ops/describe.h"
#include "engine/ops/reduce.h"
#include "engine/ops/table.h"

namespace ingrad {
namespace {

using Specs = std::span<const TensorSpec>;
using Ints = Attr::Ints;

std::vector<TensorSpec> like(const TensorSpec& in, const Shape& shape) {
  return {{shape, in.dtype, in.device}};
}

// Strides under which the storage of (shape, strides) reads as `to`, if there are any: the axes of
// `to` must not straddle groups of axes that lie evenly spaced in memory.
std::optional<Strides> reshaped_strides(const Shape& shape, const Strides& strides,
                                        const Shape& to) {
  if (shape.size() == 0) return contiguous_strides(to);
  struct Group {
    std::int64_t extent, step;
  };
  std::vector<Group> groups;  // innermost first
  for (int a = shape.rank() - 1; a >= 0; --a) {
    const std::int64_t step = strides[static_cast<std::size_t>(a)];
    if (shape[a] == 1) continue;
    if (!groups.empty() && step == groups.back().extent * groups.back().step) {
      groups.back().extent *= shape[a];
    } else {
      groups.push_back({shape[a], step});
    }
  }
  Strides result{};
  int t = to.rank() - 1;
  for (const Group& g : groups) {
    std::int64_t filled = 1;
    for (; t >= 0 && filled < g.extent; --t) {
      result[static_cast<std::size_t>(t)] = filled * g.step;
      filled *= to[t];
    }
    if (filled != g.extent) return std::nullopt;
  }
  for (; t >= 0; --t) result[static_cast<std::size_t>(t)] = shape.size();  // extents of 1
  return result;
}

void define_reshape(OpTable& table) {
  table.define({
      .name = "reshape",
      .cls = OpClass::linear,
      .doc = "The elements in row-major order under another shape.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            const Shape shape(attrs.ints("shape"), where);
            if (shape.size() != in[0].shape.size()) {
              throw Error(fmt::format("reshape: {} has {} elements, shape {} needs {}", in[0].str(),
                                      in[0].shape.size(), shape.str(), shape.size()),
                          where);
            }
            return like(in[0], shape);
          },
      .eval =
          [](const EvalArgs& a) {
            const Tensor& x = a.inputs[0];
            const Shape& shape = a.outputs[0].shape;
            if (const auto s = reshaped_strides(x.shape(), x.strides(), shape)) {
              return std::vector<Tensor>{x.as_strided(shape, *s, x.offset())};
            }
            const Tensor d = dense(x, a.backend, a.where);
            return std::vector<Tensor>{d.as_strided(shape, contiguous_strides(shape), d.offset())};
          },
      .vjp =
          [](const VjpArgs& a) {
            return std::vector<Tensor>{reshape(a.cotangents[0], a.inputs[0].shape())};
          },
      .batch =
          [](const Attrs& attrs, Specs in) {
            const auto& shape = attrs.ints("shape");
            const bool same =
                !shape.empty() && in[0].shape.rank() > 0 && shape[0] == in[0].shape[0];
            return same ? BatchBehaviour::per_row : BatchBehaviour::mixes_rows;
          },
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"shape", Ints{6, 4}}}, {sample_values(Shape{2, 3, 4})}},
                {{{"shape", Ints{2, 1, 35}}}, {sample_values(Shape{2, 5, 7})}},
                {{{"shape", Ints{}}}, {sample_values(Shape{1, 1})}},
                {{{"shape", Ints{0, 9}}}, {sample_values(Shape{3, 0})}},
            };
          },
  });
}

void define_permute(OpTable& table) {
  table.define({
      .name = "permute",
      .cls = OpClass::linear,
      .doc = "Axes in another order.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            const auto& axes = attrs.ints("axes");
            const int rank = in[0].shape.rank();
            std::array<bool, kMaxRank> seen{};
            std::vector<std::int64_t> extents;
            bool good = static_cast<int>(axes.size()) == rank;
            for (std::size_t i = 0; good && i < axes.size(); ++i) {
              good = axes[i] >= 0 && axes[i] < rank && !seen[static_cast<std::size_t>(axes[i])];
              if (!good) break;
              seen[static_cast<std::size_t>(axes[i])] = true;
              extents.push_back(in[0].shape[static_cast<int>(axes[i])]);
            }
            if (!good) {
              throw Error(fmt::format("permute: [{}] is not a permutation of the {} axes of {}",
                                      fmt::join(axes, ", "), rank, in[0].str()),
                          where);
            }
            return like(in[0], Shape(extents, where));
          },
      .eval =
          [](const EvalArgs& a) {
            const auto& axes = a.attrs.ints("axes");
            Strides strides{};
            for (std::size_t i = 0; i < axes.size(); ++i) {
              strides[i] = a.inputs[0].strides()[static_cast<std::size_t>(axes[i])];
            }
            return std::vector<Tensor>{
                a.inputs[0].as_strided(a.outputs[0].shape, strides, a.inputs[0].offset())};
          },
      .vjp =
          [](const VjpArgs& a) {
            const auto& axes = a.attrs.ints("axes");
            Ints inverse(axes.size());
            for (std::size_t i = 0; i < axes.size(); ++i) {
              inverse[static_cast<std::size_t>(axes[i])] = static_cast<std::int64_t>(i);
            }
            return std::vector<Tensor>{permute(a.cotangents[0], inverse)};
          },
      .batch =
          [](const Attrs& attrs, Specs) {
            const auto& axes = attrs.ints("axes");
            return axes.empty() || axes[0] == 0 ? BatchBehaviour::per_row
                                                : BatchBehaviour::mixes_rows;
          },
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"axes", Ints{2, 0, 1}}}, {sample_values(Shape{2, 3, 5})}},
                {{{"axes", Ints{0, 2, 3, 1}}}, {sample_values(Shape{2, 3, 4, 5})}},
                {{{"axes", Ints{1, 0}}}, {sample_values(Shape{0, 4})}},
                {{{"axes", Ints{}}}, {sample_values(Shape{})}},
            };
          },
  });
}

// The axes of an expanded tensor along which elements of a tensor of shape `in` repeat.
Ints repeated_axes(const Shape& in, const Shape& expanded) {
  Ints axes;
  const int added = expanded.rank() - in.rank();
  for (int a = 0; a < expanded.rank(); ++a) {
    if (a < added || in[a - added] != expanded[a]) axes.push_back(a);
  }
  return axes;
}

void define_expand(OpTable& table) {
  table.define({
      .name = "expand",
      .cls = OpClass::linear,
      .doc = "Axes of extent 1 and new leading axes repeated to a shape.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            const Shape shape(attrs.ints("shape"), where);
            const int added = shape.rank() - in[0].shape.rank();
            bool good = added >= 0;
            for (int a = 0; good && a < in[0].shape.rank(); ++a) {
              good = in[0].shape[a] == 1 || in[0].shape[a] == shape[a + added];
            }
            if (!good) {
              throw Error(
                  fmt::format("expand: {} does not expand to shape {}", in[0].str(), shape.str()),
                  where);
            }
            return like(in[0], shape);
          },
      .eval =
          [](const EvalArgs& a) {
            const Tensor& x = a.inputs[0];
            const Shape& shape = a.outputs[0].shape;
            const int added = shape.rank() - x.rank();
            Strides strides{};
            for (int i = 0; i < x.rank(); ++i) {
              const bool repeats = x.shape()[i] == 1 && shape[i + added] != 1;
              strides[static_cast<std::size_t>(i + added)] =
                  repeats ? 0 : x.strides()[static_cast<std::size_t>(i)];
            }
            return std::vector<Tensor>{x.as_strided(shape, strides, x.offset())};
          },
      .vjp =
          [](const VjpArgs& a) {
            const Shape& shape = a.inputs[0].shape();
            const Ints axes = repeated_axes(shape, a.cotangents[0].shape());
            if (axes.empty()) return std::vector<Tensor>{a.cotangents[0]};
            const Tensor sum =
                apply1(find_op("sum"), {{"axes", axes}, {"keepdim", false}}, {a.cotangents[0]});
            return std::vector<Tensor>{reshape(sum, shape)};
          },
      .batch =
          [](const Attrs& attrs, Specs in) {
            const auto& shape = attrs.ints("shape");
            const bool same = static_cast<int>(shape.size()) == in[0].shape.rank() &&
                              !shape.empty() && shape[0] == in[0].shape[0];
            return same ? BatchBehaviour::per_row : BatchBehaviour::mixes_rows;
          },
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"shape", Ints{2, 3, 4}}}, {sample_values(Shape{3, 1})}},
                {{{"shape", Ints{2, 5, 3}}}, {sample_values(Shape{2, 1, 3})}},
                {{{"shape", Ints{2, 3}}}, {sample_values(Shape{})}},
                {{{"shape", Ints{4, 3}}}, {sample_values(Shape{4, 3})}},
                {{{"shape", Ints{0, 3}}}, {sample_values(Shape{1, 3})}},
            };
          },
  });
}

}  // namespace

void define_shape_ops(OpTable& table) {
  define_reshape(table);
  define_permute(table);
  define_expand(table);
}

Tensor reshape(const Tensor& x, IntList shape, Location where) {
  static const OpDef& op = find_op("reshape");
  Ints extents = shape.vector();
  std::int64_t known = 1;
  std::int64_t* open = nullptr;
  for (std::int64_t& e : extents) {
    if (e >= 0) {
      if (__builtin_mul_overflow(known, e, &known)) {
        throw Error(fmt::format("reshape: shape [{}] has too many elements",
                                fmt::join(shape.values(), ", ")),
                    where);
      }
      continue;
    }
    if (e != -1 || open != nullptr) {
      throw Error(fmt::format("reshape: shape [{}] may have one extent of -1 and no other below 0",
                              fmt::join(shape.values(), ", ")),
                  where);
    }
    open = &e;
  }
  if (open != nullptr) {
    if (known == 0 || x.size() % known != 0) {
      throw Error(fmt::format("reshape: {} leaves no whole extent for the -1 of shape [{}]",
                              x.spec().str(), fmt::join(shape.values(), ", ")),
                  where);
    }
    *open = x.size() / known;
  }
  if (Shape(extents, where) == x.shape()) return x;
  return apply1(op, {{"shape", extents}}, {x}, where);
}

Tensor flatten(const Tensor& x, std::int64_t first, std::int64_t last, Location where) {
  if (x.rank() == 0) return reshape(x, {1}, where);
  const int a = normalize_axis("flatten", first, x.rank(), where);
  const int b = normalize_axis("flatten", last, x.rank(), where);
  if (b < a) {
    throw Error(
        fmt::format("flatten: axis {} lies after axis {} of {}", first, last, x.spec().str()),
        where);
  }
  Ints shape;
  std::int64_t merged = 1;
  for (int i = 0; i < x.rank(); ++i) {
    if (i < a || i > b) {
      shape.push_back(x.shape()[i]);
      continue;
    }
    merged *= x.shape()[i];
    if (i == b) shape.push_back(merged);
  }
  return reshape(x, shape, where);
}

Tensor squeeze(const Tensor& x, IntList axes, Location where) {
  Ints shape;
  std::array<bool, kMaxRank> dropped{};
  for (int a = 0; a < x.rank(); ++a) {
    dropped[static_cast<std::size_t>(a)] = axes.size() == 0 && x.shape()[a] == 1;
  }
  for (const std::int64_t axis : axes.values()) {
    const int a = normalize_axis("squeeze", axis, x.rank(), where);
    if (x.shape()[a] != 1) {
      throw Error(fmt::format("squeeze: axis {} of {} has extent {}, expected 1", axis,
                              x.spec().str(), x.shape()[a]),
                  where);
    }
    dropped[static_cast<std::size_t>(a)] = true;
  }
  for (int a = 0; a < x.rank(); ++a) {
    if (!dropped[static_cast<std::size_t>(a)]) shape.push_back(x.shape()[a]);
  }
  return reshape(x, shape, where);
}

Tensor unsqueeze(const Tensor& x, std::int64_t axis, Location where) {
  const int a = normalize_axis("unsqueeze", axis, x.rank() + 1, where);
  return reshape(x, x.shape().with_inserted(a, 1), where);
}

Tensor permute(const Tensor& x, IntList axes, Location where) {
  static const OpDef& op = find_op("permute");
  Ints order;
  bool moves = false;
  for (const std::int64_t axis : axes.values()) {
    order.push_back(normalize_axis("permute", axis, x.rank(), where));
    moves = moves || order.back() + 1 != static_cast<std::int64_t>(order.size());
  }
  if (!moves && static_cast<int>(order.size()) == x.rank()) return x;
  return apply1(op, {{"axes", order}}, {x}, where);
}

Tensor transpose(const Tensor& x, std::int64_t axis0, std::int64_t axis1, Location where) {
  const int a = normalize_axis("transpose", axis0, x.rank(), where);
  const int b = normalize_axis("transpose", axis1, x.rank(), where);
  Ints order(static_cast<std::size_t>(x.rank()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::swap(order[static_cast<std::size_t>(a)], order[static_cast<std::size_t>(b)]);
  return permute(x, order, where);
}

Tensor move_axis(const Tensor& x, std::int64_t from, std::int64_t to, Location where) {
  const int a = normalize_axis("move_axis", from, x.rank(), where);
  const int b = normalize_axis("move_axis", to, x.rank(), where);
  Ints order(static_cast<std::size_t>(x.rank()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  order.erase(order.begin() + a);
  order.insert(order.begin() + b, a);
  return permute(x, order, where);
}

Tensor expand(const Tensor& x, IntList shape, Location where) {
  static const OpDef& op = find_op("expand");
  Ints extents = shape.vector();
  const auto added = static_cast<std::int64_t>(extents.size()) - x.rank();
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] != -1) continue;
    const std::int64_t a = static_cast<std::int64_t>(i) - added;
    if (a < 0) {
      throw Error(fmt::format("expand: extent -1 of shape [{}] keeps an axis that {} lacks",
                              fmt::join(shape.values(), ", "), x.spec().str()),
                  where);
    }
    extents[i] = x.shape()[static_cast<int>(a)];
  }
  if (Shape(extents, where) == x.shape()) return x;
  return apply1(op, {{"shape", extents}}, {x}, where);
}

Tensor broadcast_to(const Tensor& x, IntList shape, Location where) {
  return expand(x, shape, where);
}

}  // namespace ingrad
