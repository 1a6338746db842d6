// SPDX-License-Identifier: Apache-2.0
// Max pooling: windows of a fixed size, and adaptive ones. Derivatives go through the positions of
// the maxima.
#include <fmt/format.h>

#include <algorithm>

#include "engine/ops/compute.h"
#include "engine/ops/describe.h"
#include "engine/ops/index.h"
#include "engine/ops/pool.h"
#include "engine/ops/shape.h"
#include "engine/ops/spatial.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/pool.h"

namespace ingrad {
namespace {

using kernels::PoolAxis;
using Specs = std::span<const TensorSpec>;
using Ints = Attr::Ints;

// The windows over three axes; leading ones that the tensor lacks have extent 1.
struct Pooling {
  std::array<PoolAxis, 3> axis{};
  std::array<Ints, 6> bounds{};  // of adaptive windows: first and last of each axis
  std::vector<std::int64_t> out;
};
using Geometry = Pooling (*)(const Attrs&, const TensorSpec&, Location);

// A window in the padding before can step over the whole input when dilated.
void require_elements(const PoolAxis& a, std::int64_t in, Location where) {
  const std::int64_t reaching = std::min(a.out, a.padding / a.stride + 1);
  for (std::int64_t t = 0; t < reaching; ++t) {
    const kernels::PoolWindow w = kernels::window_of(a, t);
    if (w.begin < w.end) continue;
    throw Error(fmt::format("max_pool: window {} of {} elements, dilated by {}, sees none of the "
                            "{} points (padding {})",
                            t, a.kernel, a.dilation, in, a.padding),
                where);
  }
}

Pooling fixed_windows(const Attrs& attrs, const TensorSpec& x, Location where) {
  require_spatial("max_pool", x, where);
  const int n = x.shape.rank() - 2;
  const Ints& kernel = spatial_attr("max_pool", attrs, "kernel", n, 1, where);
  const Ints& stride = spatial_attr("max_pool", attrs, "stride", n, 1, where);
  const Ints& padding = spatial_attr("max_pool", attrs, "padding", n, 0, where);
  const Ints& dilation = spatial_attr("max_pool", attrs, "dilation", n, 1, where);
  Pooling p;
  for (int i = 0; i < n; ++i) {
    const auto k = static_cast<std::size_t>(i);
    PoolAxis& a = p.axis[static_cast<std::size_t>(3 - n + i)];
    const std::int64_t in = x.shape[2 + i];
    a = {in, 0, kernel[k], stride[k], dilation[k], padding[k]};
    a.out = count_windows("max_pool", in, {kernel[k], stride[k], padding[k], dilation[k]},
                          attrs.flag("ceil_mode"), where);
    require_elements(a, in, where);
    p.out.push_back(a.out);
  }
  return p;
}

Pooling adaptive_windows(const Attrs& attrs, const TensorSpec& x, Location where) {
  require_spatial("adaptive_max_pool", x, where);
  const int n = x.shape.rank() - 2;
  Pooling p;
  p.out = adaptive_sizes("adaptive_max_pool", x,
                         spatial_attr("adaptive_max_pool", attrs, "size", n, 0, where), where);
  // Every axis or none has explicit windows: the kernel asks the last one.
  for (std::size_t a = 0; a < 3; ++a) {
    const int i = static_cast<int>(a) - (3 - n);
    const std::int64_t in = i < 0 ? 1 : x.shape[2 + i];
    const std::int64_t out = i < 0 ? 1 : p.out[static_cast<std::size_t>(i)];
    Ints &first = p.bounds[2 * a], &last = p.bounds[2 * a + 1];
    for (std::int64_t t = 0; t < out; ++t) {
      const AdaptiveWindow w = adaptive_window(t, in, out);
      first.push_back(w.first);
      last.push_back(w.last);
    }
    p.axis[a].in = in;
    p.axis[a].out = out;
    p.axis[a].first = first.data();
    p.axis[a].last = last.data();
  }
  return p;
}

std::vector<std::int64_t> with_rows(const Shape& x, const std::vector<std::int64_t>& spatial) {
  std::vector<std::int64_t> shape = {x[0], x[1]};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  return shape;
}

std::vector<Tensor> eval_max(const EvalArgs& a, const Pooling& p) {
  const TensorSpec& spec = a.outputs[0];
  const Tensor x = dense(a.inputs[0], compute_dtype(spec.dtype));
  const Tensor values = Tensor::empty(spec.shape, x.dtype(), a.where);
  const Tensor indices = Tensor::empty(spec.shape, DType::i64, a.where);
  if (values.size() > 0) {
    const kernels::MaxPoolArgs args{x.raw(a.where), values.mutable_raw(a.where),
                                    static_cast<std::int64_t*>(indices.mutable_raw(a.where)),
                                    x.shape()[0] * x.shape()[1], p.axis};
    run_kernel(kernels::max_pool, a.backend, x.dtype(), args, a.where);
  }
  return {rounded(values, spec.dtype), indices};
}

// [N, C, plane]: the spatial axes as one.
Tensor planes(const Tensor& x) {
  const Shape& s = x.shape();
  std::int64_t n = 1;
  for (int i = 2; i < s.rank(); ++i) n *= s[i];
  return reshape(x, {s[0], s[1], n});
}

std::vector<Tensor> vjp_max(const VjpArgs& a) {
  static const OpDef& op = find_op("scatter_sum");
  if (!a.cotangents[0].defined()) return {Tensor()};
  const Shape& in = a.inputs[0].shape();
  std::int64_t plane = 1;
  for (int i = 2; i < in.rank(); ++i) plane *= in[i];
  const Tensor sums =
      apply1(op, {{"axis", 2}, {"extent", plane}}, {planes(a.outputs[1]), planes(a.cotangents[0])});
  return {reshape(sums, in)};
}

std::vector<Tensor> jvp_max(const JvpArgs& a) {
  const Tensor picked = gather(planes(a.tangents[0]), 2, planes(a.outputs[1]));
  return {reshape(picked, a.outputs[0].shape()), Tensor()};
}

void define_max(OpTable& table, const char* name, const char* doc, Geometry windows,
                std::function<std::vector<Sample>()> samples) {
  table.define({
      .name = name,
      .cls = OpClass::selection,
      .doc = doc,
      .infer =
          [windows](const Attrs& attrs, Specs in, Location where) {
            const Pooling p = windows(attrs, in[0], where);
            const Shape shape(with_rows(in[0].shape, p.out), where);
            return std::vector<TensorSpec>{{shape, in[0].dtype, in[0].device},
                                           {shape, DType::i64, in[0].device}};
          },
      .eval =
          [windows](const EvalArgs& a) {
            return eval_max(a, windows(a.attrs, a.inputs[0].spec(), a.where));
          },
      .vjp = vjp_max,
      .reads = {Reads::output(1)},
      .jvp = jvp_max,
      .batch = rows_stay_apart,
      .samples = std::move(samples),
  });
}

// ---- calls ------------------------------------------------------------------------------------
ValuesAndIndices max_pool_nd(const char* name, int axes, const Tensor& x, IntList kernel,
                             const MaxPoolOptions& o, Location where) {
  static const OpDef& op = find_op("max_pool");
  const Batched in = batched(name, x, axes, where);
  const Ints size = per_axis(name, "kernel", kernel, axes, 1, Ints{}, where);
  const Attrs attrs{{"kernel", size},
                    {"stride", per_axis(name, "stride", o.stride, axes, 1, size, where)},
                    {"padding", per_axis(name, "padding", o.padding, axes, 0, 0, where)},
                    {"dilation", per_axis(name, "dilation", o.dilation, axes, 1, 1, where)},
                    {"ceil_mode", o.ceil_mode}};
  const auto out = apply(op, attrs, {{in.x}}, where);
  return {in.restore(out[0], where), in.restore(out[1], where)};
}

ValuesAndIndices adaptive_nd(const char* name, int axes, const Tensor& x, IntList size,
                             Location where) {
  static const OpDef& op = find_op("adaptive_max_pool");
  const Batched in = batched(name, x, axes, where);
  const Ints given = per_axis(name, "size", size, axes, -1, Ints{}, where);
  const auto out =
      apply(op, {{"size", adaptive_sizes(name, in.x.spec(), given, where)}}, {{in.x}}, where);
  return {in.restore(out[0], where), in.restore(out[1], where)};
}

}  // namespace

void define_max_pool_ops(OpTable& table) {
  define_max(table, "max_pool", "Largest element of each window, and its position in the plane.",
             fixed_windows, [] {
               const auto sample = [](const Shape& shape, Ints kernel, Ints stride, Ints padding,
                                      Ints dilation, bool ceil_mode) {
                 return Sample{{{"kernel", kernel},
                                {"stride", stride},
                                {"padding", padding},
                                {"dilation", dilation},
                                {"ceil_mode", ceil_mode}},
                               {sample_values(shape)}};
               };
               return std::vector<Sample>{
                   sample({2, 3, 9}, {2}, {2}, {0}, {1}, false),
                   sample({2, 3, 8, 10}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, false),
                   sample({1, 2, 7, 9}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, true),
                   sample({1, 2, 9, 8}, {2, 3}, {1, 2}, {1, 0}, {3, 2}, false),
                   sample({2, 1, 4, 5, 37}, {2, 3, 2}, {2, 1, 2}, {1, 1, 0}, {1, 1, 1}, true),
                   sample({0, 2, 4, 4}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, false),
               };
             });
  define_max(table, "adaptive_max_pool", "Largest element of each of a given number of windows.",
             adaptive_windows, [] {
               const auto sample = [](const Shape& shape, Ints size) {
                 return Sample{{{"size", size}}, {sample_values(shape)}};
               };
               return std::vector<Sample>{
                   sample({2, 3, 7}, {3}),       sample({1, 2, 5, 7}, {2, 3}),
                   sample({2, 2, 3, 4}, {5, 4}), sample({1, 2, 4, 5, 6}, {2, 3, 4}),
                   sample({2, 3, 6, 6}, {1, 1}), sample({0, 3, 6, 6}, {2, 2}),
                   sample({2, 3, 6, 6}, {0, 2}),
               };
             });
}

ValuesAndIndices max_pool1d_with_indices(const Tensor& x, IntList kernel, const MaxPoolOptions& o,
                                         Location where) {
  return max_pool_nd("max_pool1d", 1, x, kernel, o, where);
}
ValuesAndIndices max_pool2d_with_indices(const Tensor& x, IntList kernel, const MaxPoolOptions& o,
                                         Location where) {
  return max_pool_nd("max_pool2d", 2, x, kernel, o, where);
}
ValuesAndIndices max_pool3d_with_indices(const Tensor& x, IntList kernel, const MaxPoolOptions& o,
                                         Location where) {
  return max_pool_nd("max_pool3d", 3, x, kernel, o, where);
}
Tensor max_pool1d(const Tensor& x, IntList kernel, const MaxPoolOptions& o, Location where) {
  return max_pool1d_with_indices(x, kernel, o, where).values;
}
Tensor max_pool2d(const Tensor& x, IntList kernel, const MaxPoolOptions& o, Location where) {
  return max_pool2d_with_indices(x, kernel, o, where).values;
}
Tensor max_pool3d(const Tensor& x, IntList kernel, const MaxPoolOptions& o, Location where) {
  return max_pool3d_with_indices(x, kernel, o, where).values;
}

ValuesAndIndices adaptive_max_pool1d_with_indices(const Tensor& x, IntList size, Location where) {
  return adaptive_nd("adaptive_max_pool1d", 1, x, size, where);
}
ValuesAndIndices adaptive_max_pool2d_with_indices(const Tensor& x, IntList size, Location where) {
  return adaptive_nd("adaptive_max_pool2d", 2, x, size, where);
}
ValuesAndIndices adaptive_max_pool3d_with_indices(const Tensor& x, IntList size, Location where) {
  return adaptive_nd("adaptive_max_pool3d", 3, x, size, where);
}
Tensor adaptive_max_pool1d(const Tensor& x, IntList size, Location where) {
  return adaptive_max_pool1d_with_indices(x, size, where).values;
}
Tensor adaptive_max_pool2d(const Tensor& x, IntList size, Location where) {
  return adaptive_max_pool2d_with_indices(x, size, where).values;
}
Tensor adaptive_max_pool3d(const Tensor& x, IntList size, Location where) {
  return adaptive_max_pool3d_with_indices(x, size, where).values;
}

}  // namespace ingrad
