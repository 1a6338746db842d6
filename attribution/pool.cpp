// SPDX-License-Identifier: Apache-2.0
#include "attribution/pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/device.h"
#include "engine/ops/elementwise.h"
#include "engine/parallel.h"
#include "engine/storage.h"

namespace ingrad {
namespace {

// Blocks of memory are rounded up by at most a quarter (engine/storage.cpp): the growth per row
// that two small batches show may be exceeded by that much.
constexpr double kBlockSlack = 1.25;

// What `body` adds to live memory at its peak.
template <class Body>
std::int64_t peak_of(Body body) {
  const std::int64_t before = memory_stats().live;
  reset_memory_peak();
  body();
  return memory_stats().peak - before;
}

}  // namespace

Pool::Pool(ModelFn model, const Shape& row_shape, ScalarKind kind,
           std::vector<std::int64_t> targets, std::vector<std::int64_t> contrast,
           PoolOptions options, Location where)
    : values_(scalar_program(model, row_shape, kind, false, where)),
      gradients_(scalar_program(model, row_shape, kind, true, where)),
      kind_(kind),
      targets_(std::move(targets)),
      contrast_(std::move(contrast)),
      options_(std::move(options)),
      where_(where) {
  if (options_.max_rows < 1) {
    throw Error(fmt::format("explain: batches of {} rows; expected at least 1", options_.max_rows),
                where_);
  }
}

Tensor Pool::batch_of(const RowProgram& program, std::span<const WorkItem> items,
                      const Make& make) const {
  const auto width = static_cast<std::size_t>(program.row.size());
  const Tensor x = Tensor::empty(
      program.row.with_inserted(0, static_cast<std::int64_t>(items.size())), DType::f32, where_);
  auto* rows = x.mutable_data<float>();
  for (std::size_t i = 0; i < items.size(); ++i) make(items[i], {rows + i * width, width});
  return x;
}

Pool::Evaluated Pool::evaluate(const RowProgram& program, std::span<const WorkItem> items,
                               const Tensor& x, Workspace* workspace) const {
  std::vector<std::int64_t> targets, contrast;
  for (const WorkItem& w : items) {
    targets.push_back(targets_[static_cast<std::size_t>(w.sample)]);
    if (!contrast_.empty()) contrast.push_back(contrast_[static_cast<std::size_t>(w.sample)]);
  }
  std::vector<Tensor> inputs = {x, class_column(targets)};
  if (kind_ == ScalarKind::contrast) inputs.push_back(class_column(contrast));
  const DeviceScope there(options_.device, where_);
  for (Tensor& t : inputs) t = t.to(options_.device, where_);
  const std::vector<Tensor> results =
      workspace != nullptr ? workspace->run(inputs, where_) : graph_function(program)(inputs);
  return {results[0].to_vector<double>(),
          program.has_result ? contiguous(results[1]).to({}, where_) : Tensor()};
}

// Under a cap, half of it is for the working memory of all threads; if that is not enough for a row
// each, fewer threads share it, and a single one may have all but a row.
Pool::Way Pool::planned_way(const RowProgram& program) const {
  const auto plans = options_.plans ? options_.plans : std::make_shared<PoolPlans>();
  const std::int64_t cap = options_.memory_bytes;
  Way w;
  w.row_bytes = 4 * (program.row.size() + (program.has_result ? program.result.size() : 0)) + 8 +
                4 + (kind_ == ScalarKind::contrast ? 8 : 0);
  for (int n = threads();; n /= 2) {
    const std::int64_t half = n > 1 ? cap / 2 / n : cap - w.row_bytes;
    const std::int64_t share = cap == 0 ? 0 : std::max<std::int64_t>(half, 1);
    try {
      w.workspace = std::make_unique<Workspace>(
          plans->get(program, kind_, share, options_.device, where_), n);
      break;
    } catch (const MemoryCapError& e) {
      if (n > 1) continue;
      throw Error(fmt::format("explain: the cap is {} bytes; {}", cap, e.message()), where_);
    }
  }
  w.rows = std::min(options_.max_rows, PoolPlans::kMaxRows);
  if (cap > 0) {
    w.rows = std::min(w.rows, (cap - w.workspace->memory_bytes()) / w.row_bytes);
    if (w.rows < 1) {
      throw Error(fmt::format("explain: one row needs {} bytes, the cap is {}",
                              w.workspace->memory_bytes() + w.row_bytes, cap),
                  where_);
    }
  }
  return w;
}

Pool::Way& Pool::way(const RowProgram& program, std::span<const WorkItem> items, const Make& make) {
  // Memory that is kept for another program would count against the cap.
  if (options_.memory_bytes > 0 && !ways_.contains(program.name)) ways_.clear();
  Way& w = ways_[program.name];
  if (!options_.planned) {
    w.rows = rows_below_cap(program, items, make);
  } else if (!w.workspace) {
    w = planned_way(program);
  }
  return w;
}

std::int64_t Pool::rows_below_cap(const RowProgram& program, std::span<const WorkItem> items,
                                  const Make& make) const {
  const auto n = static_cast<std::int64_t>(items.size());
  const std::int64_t most = std::min(options_.max_rows, n);
  if (options_.memory_bytes <= 0) return most;
  const auto measured = [&](std::int64_t rows) {
    const auto part = items.first(static_cast<std::size_t>(rows));
    return peak_of([&] { evaluate(program, part, batch_of(program, part, make), nullptr); });
  };
  const std::int64_t one = measured(1);
  if (one > options_.memory_bytes) {
    throw Error(
        fmt::format("explain: one row needs {} bytes, the cap is {}", one, options_.memory_bytes),
        where_);
  }
  if (n == 1) return 1;
  const std::int64_t per_row = std::max<std::int64_t>(measured(2) - one, 1);
  const auto room = static_cast<double>(options_.memory_bytes - one);
  const auto rows = static_cast<std::int64_t>(room / (kBlockSlack * static_cast<double>(per_row)));
  return std::clamp<std::int64_t>(rows, 1, most);
}

void Pool::compute(const RowProgram& program, std::span<const WorkItem> items, const Make& make,
                   const Consume& consume) {
  if (items.empty()) return;
  Way& how = way(program, items, make);
  Workspace* const workspace = how.workspace.get();
  const auto total = static_cast<std::int64_t>(items.size());
  for (std::int64_t first = 0; first < total;) {
    const std::int64_t n = std::min(how.rows, total - first);
    const auto part = items.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
    Evaluated e;
    std::int64_t peak =
        peak_of([&] { e = evaluate(program, part, batch_of(program, part, make), workspace); });
    if (workspace != nullptr) {
      peak = workspace->memory_bytes() + n * how.row_bytes;
    } else if (options_.memory_bytes > 0 && peak > options_.memory_bytes && n > 1) {
      // A model whose memory grows faster than two rows showed gets smaller batches from here on.
      how.rows = n / 2;
    }
    stats_.peak_bytes = std::max(stats_.peak_bytes, peak);
    stats_.batch_rows = std::max(stats_.batch_rows, n);
    (program.backward ? stats_.gradient_rows : stats_.forward_rows) += n * program.evaluations;
    const auto width = program.has_result ? static_cast<std::size_t>(program.result.size()) : 0;
    const float* arrays = program.has_result ? e.array.data<float>() : nullptr;
    for (std::size_t i = 0; i < part.size(); ++i) {
      consume(part[i], e.values[i], {arrays + i * width, width});
    }
    first += n;
    if (options_.progress && !options_.progress(first, total)) {
      throw Error(fmt::format("explain: cancelled after {} of {} rows", first, total), where_);
    }
  }
}

void Pool::gradients(std::span<const WorkItem> items, const Make& make, const Consume& consume) {
  compute(gradients_, items, make, consume);
}

void Pool::values(std::span<const WorkItem> items, const Make& make, const Consume& consume) {
  compute(values_, items, make, consume);
}

void Pool::release() { ways_.clear(); }

}  // namespace ingrad
