// SPDX-License-Identifier: Apache-2.0
#include "attribution/straight_paths.h"

#include <algorithm>
#include <bit>

#include "engine/differentiate.h"
#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

// Without a cap on memory; the bits do not depend on it.
std::int64_t prefix_rows(const PoolOptions& pool, Device device) {
  if (pool.memory_bytes > 0) return 1;
  return device.kind == Device::Kind::cpu ? 64 : 1024;
}

// Pieces of equal size, as few as possible; the last may end with repetitions of weight zero.
struct Pieces {
  Quadrature padded;
  std::size_t size, count;

  explicit Pieces(const Quadrature& q) : padded(q) {
    const std::size_t n = q.nodes.size();
    count = (n + PathSums::kMostNodes - 1) / PathSums::kMostNodes;
    size = (n + count - 1) / count;
    padded.nodes.resize(size * count, q.nodes.back());
    padded.weights.resize(size * count, 0);
  }
  std::span<const double> nodes(std::size_t i) const { return {&padded.nodes[i * size], size}; }
  std::span<const double> weights(std::size_t i) const { return {&padded.weights[i * size], size}; }
};

}  // namespace

StraightPaths::StraightPaths(ExplainRun& run, const ModelFn& model, std::vector<Tensor> baselines,
                             const ExplainOptions& options)
    : run_(run),
      baselines_(std::move(baselines)),
      prefix_rows_(prefix_rows(options.pool, run.device())) {
  ends_ = baselines_;
  ends_.push_back(run.inputs());
  width_ = run.width();
  gradients_.resize(baselines_.size() * static_cast<std::size_t>(run.samples()) * run.width());
  prefix_ = affine_prefix(model, run.inputs().shape().without(0), run.device());
  ModelFn along = model;
  Shape row_shape = run.inputs().shape().without(0);
  PoolOptions there = options.pool;
  there.device = run.device();
  if (prefix_) {
    run.pool().release();  // the rest of the model takes its place
    along = prefix_->rest;
    row_shape = prefix_->row_shape;
    width_ = static_cast<std::size_t>(row_shape.size());
    for (Tensor& end : ends_) end = through_prefix(end);
    if (there.plans) there.plans = there.plans->part("after the affine prefix");
    rest_.emplace(along, row_shape, options.scalar, run.result().targets, run.contrast(), there,
                  run.where(), run.classes());
    sums_.resize(baselines_.size() * static_cast<std::size_t>(run.samples()) * width_);
  }
  if (there.planned && there.device.kind != Device::Kind::cpu) {
    on_device_.emplace(along, row_shape, options.scalar, run.result().targets, run.contrast(),
                       there, run.where());
  }
}

std::vector<double> StraightPaths::baseline_values() {
  std::vector<double> f(static_cast<std::size_t>(run_.samples()));
  pool().values(
      run_.items(baselines()),
      [this](const WorkItem& w, std::span<float> to) {
        std::copy_n(end(static_cast<std::size_t>(w.variant), w.sample), to.size(), to.data());
      },
      [&](const WorkItem& w, double value, std::span<const float>) {
        f[static_cast<std::size_t>(w.sample)] += value / static_cast<double>(baselines());
      });
  return f;
}

void StraightPaths::add(std::span<const std::int64_t> samples, const Quadrature& q) {
  const Pieces cut(q);
  std::vector<PathPiece> pieces;
  std::vector<std::size_t> paths;  // of the pieces
  for (const std::int64_t s : samples) {
    for (std::int64_t b = 0; b < baselines(); ++b) {
      for (std::size_t i = 0; i < cut.count; ++i) {
        pieces.push_back({s, end(static_cast<std::size_t>(b), s), end(baselines_.size(), s),
                          cut.nodes(i), cut.weights(i)});
        paths.push_back(path(s, b));
      }
    }
  }
  std::vector<double>& sums = prefix_ ? sums_ : gradients_;
  const PathSums::Consume consume = [&](std::size_t piece, std::span<const double> sum) {
    double* const to = sums.data() + paths[piece] * width_;
    for (std::size_t i = 0; i < sum.size(); ++i) to[i] += sum[i];
  };
  if (on_device_ && on_device_->fits(cut.size)) {
    on_device_->run(pieces, consume);
  } else {
    add_by_rows(pieces, consume);
  }
  if (prefix_) back_through_prefix(samples);
}

void StraightPaths::add_by_rows(std::span<const PathPiece> pieces,
                                const PathSums::Consume& consume) {
  std::vector<WorkItem> items;
  const std::size_t nodes = pieces.front().nodes.size();
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    for (std::size_t k = 0; k < nodes; ++k) {
      items.push_back({pieces[p].sample, static_cast<std::int64_t>(p * nodes + k)});
    }
  }
  const auto piece_of = [&](const WorkItem& w) -> const PathPiece& {
    return pieces[static_cast<std::size_t>(w.variant) / nodes];
  };
  const auto node_of = [&](const WorkItem& w) {
    return static_cast<std::size_t>(w.variant) % nodes;
  };
  // Of one piece for each class of an input: classes may take turns.
  std::vector<std::vector<double>> terms_of(static_cast<std::size_t>(run_.classes()),
                                            std::vector<double>(nodes * width_));
  pool().gradients(
      items,
      [&](const WorkItem& w, std::span<float> to) {
        const PathPiece& p = piece_of(w);
        const auto node = static_cast<float>(p.nodes[node_of(w)]);
        for (std::size_t i = 0; i < to.size(); ++i)
          to[i] = p.from[i] + node * (p.to[i] - p.from[i]);
      },
      [&](const WorkItem& w, double, std::span<const float> grad) {
        const std::size_t k = node_of(w);
        auto& terms = terms_of[static_cast<std::size_t>(w.sample % run_.classes())];
        const auto weight = static_cast<double>(static_cast<float>(piece_of(w).weights[k]));
        double* const to = terms.data() + k * width_;
        for (std::size_t i = 0; i < grad.size(); ++i) to[i] = weight * static_cast<double>(grad[i]);
        if (k + 1 < nodes) return;
        for (std::size_t half = std::bit_ceil(nodes) / 2; half > 0; half /= 2) {
          for (std::size_t j = half; j < std::min(2 * half, nodes); ++j) {
            double* const onto = terms.data() + (j - half) * width_;
            const double* const term = terms.data() + j * width_;
            for (std::size_t i = 0; i < width_; ++i) onto[i] += term[i];
          }
        }
        consume(static_cast<std::size_t>(w.variant) / nodes, {terms.data(), width_});
      });
}

std::vector<double> StraightPaths::attribution(std::int64_t sample, double scale,
                                               bool multiply) const {
  const auto x = run_.row(sample);
  std::vector<double> a(run_.width());
  for (std::int64_t b = 0; b < baselines(); ++b) {
    const double* sum = gradients_.data() + path(sample, b) * run_.width();
    const float* from = baselines_[static_cast<std::size_t>(b)].data<float>() +
                        static_cast<std::size_t>(sample) * run_.width();
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double distance =
          multiply ? static_cast<double>(x[i]) - static_cast<double>(from[i]) : 1.0;
      a[i] += distance * sum[i] * scale / static_cast<double>(baselines());
    }
  }
  return a;
}

void StraightPaths::close() {
  if (rest_) run_.add_cost(rest_->stats());
  if (on_device_) run_.add_cost(on_device_->stats());
}

Tensor StraightPaths::through_prefix(const Tensor& rows) const {
  std::vector<Tensor> parts;
  for (std::int64_t first = 0; first < rows.dim(0); first += prefix_rows_) {
    const std::int64_t n = std::min(prefix_rows_, rows.dim(0) - first);
    const Tensor part = narrow(rows, 0, first, n).to(run_.device());
    parts.push_back(prefix_->prefix(part).detach().to({}));
  }
  return contiguous(concat(parts, 0));
}

// From sums of gradients of the prefix's values to those of its inputs. It is affine: where it is
// differentiated does not matter.
void StraightPaths::back_through_prefix(std::span<const std::int64_t> samples) {
  std::vector<std::size_t> paths;
  for (const std::int64_t s : samples) {
    for (std::int64_t b = 0; b < baselines(); ++b) paths.push_back(path(s, b));
  }
  for (std::size_t first = 0; first < paths.size();) {
    const std::size_t n = std::min(static_cast<std::size_t>(prefix_rows_), paths.size() - first);
    const auto rows = static_cast<std::int64_t>(n);
    const Tensor sums =
        Tensor::empty(prefix_->row_shape.with_inserted(0, rows), DType::f32, run_.where());
    for (std::size_t i = 0; i < n; ++i) {
      const double* const from = sums_.data() + paths[first + i] * width_;
      std::transform(from, from + width_, sums.mutable_data<float>() + i * width_,
                     [](double v) { return static_cast<float>(v); });
    }
    const Device device = run_.device();
    const Tensor at = Tensor::zeros(run_.inputs().shape().with(0, rows)).to(device).track();
    const Tensor h = prefix_->prefix(at), towards = sums.to(device);
    const Tensor back = contiguous(gradients({&h, 1}, {&towards, 1}, {&at, 1})[0]).to({});
    for (std::size_t i = 0; i < n; ++i) {
      const float* const from = back.data<float>() + i * run_.width();
      std::copy(from, from + run_.width(),
                gradients_.begin() + static_cast<std::ptrdiff_t>(paths[first + i] * run_.width()));
    }
    first += n;
  }
}

}  // namespace ingrad
