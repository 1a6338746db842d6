// SPDX-License-Identifier: Apache-2.0
#include "attribution/pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "attribution/shared_rows.h"
#include "engine/device.h"
#include "engine/ops/elementwise.h"
#include "engine/parallel.h"
#include "engine/storage.h"

namespace ingrad {
namespace {

// Blocks of memory are rounded up by at most a quarter (engine/storage.cpp): the growth per row
// that two small batches show may be exceeded by that much.
constexpr double kBlockSlack = 1.25;

// Classes that share a forward pass, at most: a program has a backward pass for each.
constexpr std::int64_t kMostClasses = 16;

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
           PoolOptions options, Location where, std::int64_t classes)
    : model_(std::move(model)),
      row_shape_(row_shape),
      kind_(kind),
      targets_(std::move(targets)),
      contrast_(std::move(contrast)),
      options_(std::move(options)),
      classes_(classes),
      where_(where) {
  if (options_.max_rows < 1) {
    throw Error(fmt::format("explain: batches of {} rows; expected at least 1", options_.max_rows),
                where_);
  }
}

Tensor Pool::batch_of(const RowProgram& program, std::span<const WorkItem> items,
                      const Make& make) const {
  const auto width = static_cast<std::size_t>(program.row.size());
  const auto together = static_cast<std::size_t>(program.classes);
  const Tensor x = Tensor::empty(
      program.row.with_inserted(0, static_cast<std::int64_t>(items.size() / together)), DType::f32,
      where_);
  auto* row = x.mutable_data<float>();
  for (std::size_t i = 0; i < items.size(); i += together, row += width) {
    make(items[i], {row, width});
  }
  return x;
}

Pool::Evaluated Pool::evaluate(const RowProgram& program, std::span<const WorkItem> items,
                               const Tensor& x, Workspace* workspace) const {
  std::vector<std::int64_t> targets, contrast;
  std::size_t sample = 0;  // items that are left out get the class of the one before
  for (const WorkItem& w : items) {
    if (w.sample >= 0) sample = static_cast<std::size_t>(w.sample);
    targets.push_back(targets_[sample]);
    if (!contrast_.empty()) contrast.push_back(contrast_[sample]);
  }
  const Shape table{x.dim(0), program.classes};
  std::vector<Tensor> inputs = {x, Tensor::from(targets, table)};
  if (kind_ == ScalarKind::contrast) inputs.push_back(Tensor::from(contrast, table));
  const DeviceScope there(options_.device, where_);
  for (Tensor& t : inputs) t = t.to(options_.device, where_);
  const std::vector<Tensor> results =
      workspace != nullptr ? workspace->run(inputs, where_) : graph_function(program)(inputs);
  return {results[0].to_vector<double>(),
          program.has_result ? contiguous(results[1]).to({}, where_) : Tensor()};
}

// Under a cap, half of it is for the working memory of all threads; if that is not enough for a row
// each, fewer threads share it, and a single one may have all but a row, or what remains of that
// once blocks of memory are rounded up.
Pool::Way Pool::planned_way(const RowProgram& program) const {
  const auto plans = options_.plans ? options_.plans : std::make_shared<PoolPlans>();
  const std::int64_t cap = options_.memory_bytes;
  Way w;
  const std::int64_t scalars = 8 + 4 + (kind_ == ScalarKind::contrast ? 8 : 0);
  const std::int64_t array = program.has_result ? 4 * program.result.size() : 0;
  w.row_bytes = 4 * program.row.size() + program.classes * (scalars + array);
  w.rows = std::min(options_.max_rows, PoolPlans::kMaxRows);
  const auto with = [&](int workers, std::int64_t share) {
    return std::make_unique<Workspace>(plans->get(program, kind_, share, options_.device, where_),
                                       workers);
  };
  if (cap == 0) {
    w.workspace = with(threads(), 0);
    return w;
  }
  int n = threads();
  for (std::int64_t share = n > 1 ? cap / 2 / n : cap - w.row_bytes;;) {
    try {
      w.workspace = with(n, std::max<std::int64_t>(share, 1));
      if (w.workspace->memory_bytes() + w.row_bytes <= cap) break;
      share -= share / 16;
    } catch (const MemoryCapError& e) {
      if (n > 1) {
        n /= 2;
        share = n > 1 ? cap / 2 / n : cap - w.row_bytes;
        continue;
      }
      if (w.workspace == nullptr) {
        throw Error(fmt::format("explain: the cap is {} bytes; {}", cap, e.message()), where_);
      }
      throw Error(fmt::format("explain: one row needs {} bytes, the cap is {}",
                              w.workspace->memory_bytes() + w.row_bytes, cap),
                  where_);
    }
  }
  w.rows = std::min(w.rows, (cap - w.workspace->memory_bytes()) / w.row_bytes);
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
  const std::int64_t n = static_cast<std::int64_t>(items.size()) / program.classes;
  const std::int64_t most = std::min(options_.max_rows, n);
  if (options_.memory_bytes <= 0) return most;
  const auto measured = [&](std::int64_t rows) {
    const auto part = items.first(static_cast<std::size_t>(rows * program.classes));
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

void Pool::count(const RowProgram& program, std::int64_t rows, std::int64_t peak) {
  stats_.peak_bytes = std::max(stats_.peak_bytes, peak);
  stats_.batch_rows = std::max(stats_.batch_rows, rows);
  const std::int64_t evaluations = rows * program.evaluations;
  if (program.backward) {
    stats_.gradient_rows += evaluations * program.classes;
  } else {
    stats_.forward_rows += evaluations;
  }
}

void Pool::compute(const RowProgram& program, std::span<const WorkItem> items, const Make& make,
                   const Consume& consume) {
  if (items.empty()) return;
  Way& how = way(program, items, make);
  Workspace* const workspace = how.workspace.get();
  const std::int64_t together = program.classes;
  const auto total = static_cast<std::int64_t>(items.size()) / together;
  for (std::int64_t first = 0; first < total;) {
    const std::int64_t n = std::min(how.rows, total - first);
    const auto part = items.subspan(static_cast<std::size_t>(first * together),
                                    static_cast<std::size_t>(n * together));
    Evaluated e;
    std::int64_t peak =
        peak_of([&] { e = evaluate(program, part, batch_of(program, part, make), workspace); });
    if (workspace != nullptr) {
      peak = workspace->memory_bytes() + n * how.row_bytes;
    } else if (options_.memory_bytes > 0 && peak > options_.memory_bytes && n > 1) {
      // A model whose memory grows faster than two rows showed gets smaller batches from here on.
      how.rows = n / 2;
    }
    count(program, n, peak);
    const auto width = program.has_result ? static_cast<std::size_t>(program.result.size()) : 0;
    const float* arrays = program.has_result ? e.array.data<float>() : nullptr;
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i].sample >= 0) consume(part[i], e.values[i], {arrays + i * width, width});
    }
    first += n;
    if (options_.progress && !options_.progress(first, total)) {
      throw Error(fmt::format("explain: cancelled after {} of {} rows", first, total), where_);
    }
  }
}

void Pool::compute_classes(const ProgramOfClasses& program, std::span<const WorkItem> items,
                           const Make& make, const Consume& consume) {
  const RowProgram one = program(1);
  const std::int64_t together = std::min(classes_, kMostClasses);
  if (together > 1) {
    const std::vector<WorkItem> shared =
        share_rows(items, classes_, together, static_cast<std::size_t>(one.row.size()), make);
    if (!shared.empty()) return compute(program(together), shared, make, consume);
  }
  compute(one, items, make, consume);
}

void Pool::gradients(std::span<const WorkItem> items, const Make& make, const Consume& consume) {
  compute_classes(
      [this](std::int64_t classes) {
        return scalar_program(model_, row_shape_, kind_, true, classes, where_);
      },
      items, make, consume);
}

void Pool::values(std::span<const WorkItem> items, const Make& make, const Consume& consume) {
  compute_classes(
      [this](std::int64_t classes) {
        return scalar_program(model_, row_shape_, kind_, false, classes, where_);
      },
      items, make, consume);
}

void Pool::release() { ways_.clear(); }

}  // namespace ingrad
