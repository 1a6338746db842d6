// SPDX-License-Identifier: Apache-2.0
#include "attribution/path_sums.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

// Pieces that a plan is compiled for, in tiles of as many as fill a batch of rows.
constexpr std::int64_t kMostPieces = 256;

// [N, nodes] as a factor of [N, nodes, ...].
Tensor spread(const Tensor& t, int row_rank) {
  Shape shape = t.shape();
  for (int i = 0; i < row_rank; ++i) shape = shape.with_inserted(shape.rank(), 1);
  return reshape(t, shape);
}

// [N, nodes, ...] as rows and back.
Tensor as_rows(const Tensor& t) {
  return reshape(t, t.shape().without(0).with(0, t.dim(0) * t.dim(1)));
}

Tensor column_of(const std::vector<std::int64_t>& classes, std::span<const PathPiece> pieces) {
  std::vector<std::int64_t> column;
  for (const PathPiece& p : pieces) column.push_back(classes[static_cast<std::size_t>(p.sample)]);
  return class_column(column);
}

}  // namespace

GraphFn path_sum_function(const ModelFn& model, ScalarKind kind, Location where) {
  return [&model, kind, where](std::span<const Tensor> in) {
    const Tensor &from = in[0], &to = in[1], &nodes = in[2], &weights = in[3];
    const int row_rank = from.rank() - 1;
    const std::int64_t n = from.dim(0), points = nodes.dim(1);
    const auto for_all_points = [&](const Tensor& classes) {
      return reshape(expand(classes, {n, points}), {n * points, 1});
    };
    const Tensor x =
        as_rows(unsqueeze(from, 1) + spread(nodes, row_rank) * unsqueeze(to - from, 1)).track();
    const Tensor outputs = model(x);
    if (outputs.rank() != 2 || outputs.dim(0) != x.dim(0)) {
      throw Error(
          fmt::format("explain: the model returned {} for {} rows", outputs.spec().str(), x.dim(0)),
          where);
    }
    const Tensor value = scalar_of(outputs, for_all_points(in[4]), kind,
                                   in.size() > 5 ? for_all_points(in[5]) : Tensor(), where);
    const Tensor gradients = cast(ingrad::gradient(sum(value), x, {}, where), DType::f64);
    const Tensor by_piece =
        reshape(gradients, from.shape().without(0).with_inserted(0, points).with_inserted(0, n));
    return std::vector{sum(by_piece * spread(cast(weights, DType::f64), row_rank), {1})};
  };
}

PathSums::PathSums(ModelFn model, const Shape& row_shape, ScalarKind kind,
                   std::vector<std::int64_t> targets, std::vector<std::int64_t> contrast,
                   PoolOptions options, Location where)
    : model_(std::move(model)),
      row_shape_(row_shape),
      kind_(kind),
      targets_(std::move(targets)),
      contrast_(std::move(contrast)),
      options_(std::move(options)),
      where_(where) {
  if (!options_.plans) options_.plans = std::make_shared<PoolPlans>();
}

PathSums::~PathSums() { leave_way(); }

void PathSums::leave_way() {
  // What is kept counts towards no cap.
  if (way_.bench && options_.memory_bytes == 0) options_.plans->put_back(std::move(way_.bench));
  way_ = {};
}

PathSums::Way& PathSums::way(std::size_t nodes) {
  if (way_.nodes == nodes) return way_;
  leave_way();
  way_.nodes = nodes;
  const auto points = static_cast<std::int64_t>(nodes);
  const std::int64_t width = row_shape_.size(), cap = options_.memory_bytes;
  way_.piece_bytes =
      width * (2 * 4 + 8) + points * 2 * 4 + 8 * (kind_ == ScalarKind::contrast ? 2 : 1);
  // At least as many rows at a time as in other batches: devices like many.
  const auto together = static_cast<std::uint64_t>((options_.max_rows + points - 1) / points);
  PoolPlans::PathForm form{points, kMostPieces, static_cast<std::int64_t>(std::bit_ceil(together))};
  // Under a cap the arrays of a batch take up to half of it.
  if (cap > 0)
    form.most_pieces = std::clamp<std::int64_t>(cap / 2 / way_.piece_bytes, 1, kMostPieces);
  const std::int64_t rest = cap - form.most_pieces * way_.piece_bytes;
  if (cap > 0 && rest < 1) return way_;
  try {
    way_.bench = options_.plans->take_bench(options_.plans->path_sums(
        model_, row_shape_, kind_, form, cap > 0 ? rest : 0, options_.device, where_));
    way_.pieces = form.most_pieces;
  } catch (const MemoryCapError&) {  // by rows, then
  }
  return way_;
}

bool PathSums::fits(std::size_t nodes) { return way(nodes).bench != nullptr; }

std::vector<Tensor> PathSums::inputs_of(std::span<const PathPiece> pieces) const {
  const auto n = static_cast<std::int64_t>(pieces.size());
  const auto points = static_cast<std::int64_t>(pieces[0].nodes.size());
  const DeviceScope here(Device{});
  const auto filled = [](const Shape& shape, const auto& row_of) {
    const Tensor t = Tensor::empty(shape, DType::f32);
    auto* to = t.mutable_data<float>();
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      const auto row = row_of(static_cast<std::size_t>(i));
      to = std::transform(row.begin(), row.end(), to, [](auto v) { return static_cast<float>(v); });
    }
    return t;
  };
  const Shape rows = row_shape_.with_inserted(0, n), table{n, points};
  const auto width = static_cast<std::size_t>(row_shape_.size());
  std::vector<Tensor> inputs = {
      filled(rows, [&](std::size_t i) { return std::span(pieces[i].from, width); }),
      filled(rows, [&](std::size_t i) { return std::span(pieces[i].to, width); }),
      filled(table, [&](std::size_t i) { return pieces[i].nodes; }),
      filled(table, [&](std::size_t i) { return pieces[i].weights; }),
      column_of(targets_, pieces),
  };
  if (kind_ == ScalarKind::contrast) inputs.push_back(column_of(contrast_, pieces));
  return inputs;
}

void PathSums::run(std::span<const PathPiece> pieces, const Consume& consume) {
  if (pieces.empty()) return;
  const std::size_t nodes = pieces[0].nodes.size();
  Way& how = way(nodes);
  PoolPlans::PathBench& bench = *how.bench;
  const auto width = static_cast<std::size_t>(row_shape_.size());
  const auto total = static_cast<std::int64_t>(pieces.size());
  for (std::int64_t first = 0; first < total;) {
    const std::int64_t n = std::min(how.pieces, total - first);
    const auto part = pieces.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
    kernels::DeviceLibrary& library = library_of(options_.device, where_);
    const std::vector<Tensor> inputs = inputs_of(part);
    std::vector<const void*> given;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      void* const there = bench.inputs[i].mutable_raw();
      library.upload(there, inputs[i].raw(), inputs[i].spec().bytes());
      given.push_back(there);
    }
    void* const wanted[] = {bench.sums.mutable_raw()};
    bench.workspace.run(given, wanted, n, where_);
    const Tensor sums = narrow(bench.sums, 0, 0, n).to({}, where_);
    const auto* values = sums.data<double>();
    for (std::size_t i = 0; i < part.size(); ++i) {
      consume(static_cast<std::size_t>(first) + i, {values + i * width, width});
    }
    first += n;
    const auto points = static_cast<std::int64_t>(nodes);
    const std::int64_t at_once = bench.workspace.plan().tile_rows() * points;
    stats_.gradient_rows += n * points;
    stats_.batch_rows = std::max(stats_.batch_rows, std::min(n * points, at_once));
    stats_.peak_bytes =
        std::max(stats_.peak_bytes, bench.workspace.memory_bytes() + how.pieces * how.piece_bytes);
    if (options_.progress && !options_.progress(first * points, total * points)) {
      throw Error(
          fmt::format("explain: cancelled after {} of {} rows", first * points, total * points),
          where_);
    }
  }
}

}  // namespace ingrad
