// SPDX-License-Identifier: Apache-2.0
#include "attribution/pool_plans.h"

#include <fmt/format.h>

#include <algorithm>

#include "attribution/path_sums.h"
#include "engine/device.h"

namespace ingrad {

template <class Make>
std::shared_ptr<const Plan> PoolPlans::cached(const Key& key, const Make& make) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Plan>& plan = plans_[key];
  if (!plan) plan = make();
  return plan;
}

std::shared_ptr<const Plan> PoolPlans::get(const RowProgram& program, ScalarKind kind,
                                           std::int64_t memory_bytes, Device device,
                                           Location where) {
  const std::string what = fmt::format("{} of {}", program.name, name_of(kind));
  return cached({what, program.row.str(), memory_bytes, device.str()}, [&] {
    std::vector<TensorSpec> specs = {{program.row.with_inserted(0, kMaxRows), DType::f32, device},
                                     {Shape{kMaxRows, program.classes}, DType::i64, device}};
    if (kind == ScalarKind::contrast) specs.push_back(specs[1]);
    return compile(graph_function(program), specs, {.memory_bytes = memory_bytes}, where);
  });
}

std::shared_ptr<const Plan> PoolPlans::path_sums(const ModelFn& model, const Shape& row_shape,
                                                 ScalarKind kind, const PathForm& form,
                                                 std::int64_t memory_bytes, Device device,
                                                 Location where) {
  const std::string what =
      fmt::format("{} pieces of {} nodes of {}, {} at a time", form.most_pieces, form.nodes,
                  name_of(kind), form.tile_pieces);
  return cached({what, row_shape.str(), memory_bytes, device.str()}, [&] {
    const Shape rows = row_shape.with_inserted(0, form.most_pieces);
    const Shape table{form.most_pieces, form.nodes};
    std::vector<TensorSpec> specs = {{rows, DType::f32, device},
                                     {rows, DType::f32, device},
                                     {table, DType::f32, device},
                                     {table, DType::f32, device},
                                     {table.with(1, 1), DType::i64, device}};
    if (kind == ScalarKind::contrast) specs.push_back(specs.back());
    return compile(path_sum_function(model, kind, where), specs,
                   {.tile_rows = form.tile_pieces, .memory_bytes = memory_bytes}, where);
  });
}

std::unique_ptr<PoolPlans::PathBench> PoolPlans::take_bench(
    const std::shared_ptr<const Plan>& plan) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(benches_.begin(), benches_.end(), [&](const auto& bench) {
      return &bench->workspace.plan() == plan.get();
    });
    if (found != benches_.end()) {
      std::unique_ptr<PathBench> bench = std::move(*found);
      benches_.erase(found);
      return bench;
    }
  }
  auto bench = std::unique_ptr<PathBench>(new PathBench{Workspace(plan), {}, {}});
  const DeviceScope there(plan->device());
  for (const TensorSpec& spec : plan->inputs()) {
    bench->inputs.push_back(Tensor::empty(spec.shape, spec.dtype));
  }
  bench->sums = Tensor::empty(plan->outputs()[0].shape, plan->outputs()[0].dtype);
  return bench;
}

void PoolPlans::put_back(std::unique_ptr<PathBench> bench) {
  const std::lock_guard lock(mutex_);
  benches_.push_back(std::move(bench));
}

std::shared_ptr<PoolPlans> PoolPlans::part(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<PoolPlans>& plans = parts_[name];
  if (!plans) plans = std::make_shared<PoolPlans>();
  return plans;
}

}  // namespace ingrad
