// SPDX-License-Identifier: Apache-2.0
// Times plans on a GPU, a line of JSON for each row, as bench/peers/pytorch/peer.py does: calls
// follow each other without waiting, about a millisecond of them at a time.
//
// usage: ingrad_bench_gpu [--min-time S] [ROW ...]
//   input_gradient/MODEL/BATCH   by a plan, replayed
//   integrated_gradients/MODEL/BATCH   50 steps, as a share of what plain gradients would take
//   bandwidth/NAME               of memory-bound kernels, as a share of what a copy moves
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "attribution/explain.h"
#include "bench/workload.h"
#include "engine/builder.h"
#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/matmul.h"
#include "engine/ops/norm.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/softmax.h"
#include "engine/plan/plan.h"
#include "models/catalog.h"

namespace ingrad::bench {
namespace {

constexpr Device kGpu{Device::Kind::cuda, 0};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Step>
nlohmann::json measure(double min_time, const Step& step) {
  int calls = 0;
  const double warm = now();
  while (now() < warm + min_time / 3) {
    step();
    synchronize(kGpu);
    ++calls;
  }
  const int together = std::clamp(static_cast<int>(1e-3 * calls / (now() - warm)), 1, 100);
  std::vector<double> times;
  const double end = now() + min_time;
  while (times.size() < 3 || now() < end) {
    const double start = now();
    for (int i = 0; i < together; ++i) step();
    synchronize(kGpu);
    times.push_back((now() - start) / together);
  }
  std::sort(times.begin(), times.end());
  const auto pick = [&](double q) {
    return times[std::min(times.size() - 1,
                          static_cast<std::size_t>(q * static_cast<double>(times.size())))];
  };
  return {{"median_s", pick(0.5)},
          {"p10_s", pick(0.1)},
          {"p90_s", pick(0.9)},
          {"repetitions", times.size()}};
}

struct Model {
  const char* name;
  ModelSpec spec;
  std::vector<std::int64_t> batches;
};
const std::vector<Model>& models() {
  static const std::vector<Model> all = {
      {"mlp_64", {"mlp:64-64-64-10", {64}, 10}, {1, 16, 256, 4096}},
      {"mlp_784", {"mlp:784-512-512-10", {784}, 10}, {16, 256, 4096}},
      {"lenet5", {"lenet5", {1, 28, 28}, 10}, {256}},
      {"cnn3", {"cnn3", {3, 32, 32}, 10}, {256}},
      {"resnet18", {"resnet18:stem=cifar", {3, 32, 32}, 10}, {16, 256}},
      {"resnet18_224", {"resnet18", {3, 224, 224}, 1000}, {64}},
  };
  return all;
}

std::unique_ptr<Module> network_of(const Model& model) {
  auto network = build_model(model.spec);
  for (const NamedTensor& p : network->state()) {
    p.tensor.assign(by_formula(p.name, p.tensor.shape()));
  }
  network->to(kGpu);
  return network;
}

nlohmann::json input_gradient(const Model& model, std::int64_t batch, double min_time) {
  const auto network = network_of(model);
  std::vector<std::int64_t> classes;
  for (std::int64_t i = 0; i < batch; ++i) classes.push_back(i % 10);
  const Tensor x = by_formula("input", model.spec.input.with_inserted(0, batch)).to(kGpu);
  const Tensor targets = Tensor::from(classes, Shape{batch, 1}).to(kGpu);
  const std::vector<TensorSpec> specs = {x.spec(), targets.spec()};
  const auto plan = compile(
      [&](std::span<const Tensor> in) {
        return std::vector{grad(
            [&](const Tensor& rows) { return sum(gather((*network)(rows), 1, in[1])); }, in[0])};
      },
      specs);
  Workspace workspace(plan);
  const DeviceScope scope(kGpu);
  const Tensor gradient = Tensor::empty(x.shape());
  const void* const given[] = {x.raw(), targets.raw()};
  void* const wanted[] = {gradient.mutable_raw()};
  workspace.run(given, wanted, batch);
  nlohmann::json row = {{"mode", "plan"}};
  {
    const DeviceScope host(Device{});
    for (const auto& [name, value] : fingerprint(gradient.to({}))) row[name] = value;
  }
  row.update(measure(min_time, [&] { workspace.run(given, wanted, batch); }));
  row["gflops"] =
      plan->traced_flops() * static_cast<double>(batch) / row["median_s"].get<double>() / 1e9;
  return row;
}

// Of 50 steps, beside 50 times as many rows of plain gradients.
nlohmann::json integrated_gradients(const Model& model, std::int64_t batch, double min_time) {
  constexpr int kSteps = 50;
  const auto network = network_of(model);
  const ModelFn f = [&](const Tensor& x) { return (*network)(x); };
  const Tensor x = by_formula("input", model.spec.input.with_inserted(0, batch)).to(kGpu);
  ExplainOptions options;
  options.target = Target::one(0);
  options.pool.plans = std::make_shared<PoolPlans>();
  IntegratedGradientsOptions o;
  o.steps = kSteps;
  nlohmann::json row = {{"mode", "plan"}};
  row.update(measure(min_time, [&] { explain_integrated_gradients(f, x, o, options); }));
  const nlohmann::json plain = input_gradient(model, 256, min_time);
  row["share_of_plain"] = static_cast<double>(batch * kSteps) * plain["median_s"].get<double>() /
                          256 / row["median_s"].get<double>();
  return row;
}

// ---- memory-bound kernels ---------------------------------------------------------------------
// 256 MiB of f32 rows of 1024, read and written as often as the kernel must.
struct Bandwidth {
  const char* name;
  double passes;
  std::vector<Tensor> (*f)(std::span<const Tensor>);
};
const std::vector<Bandwidth>& bandwidths() {
  using In = std::span<const Tensor>;
  static const std::vector<Bandwidth> all = {
      {"add", 3, [](In x) { return std::vector{x[0] + x[1]}; }},
      {"relu", 2, [](In x) { return std::vector{relu(x[0])}; }},
      {"gelu", 2, [](In x) { return std::vector{gelu(x[0])}; }},
      {"softmax", 2, [](In x) { return std::vector{softmax(x[0], 1)}; }},
      {"layer_norm", 2, [](In x) { return std::vector{layer_norm(x[0], {1024})}; }},
      {"sum_rows", 1, [](In x) { return std::vector{sum(x[0], {1})}; }},
      {"sum_columns", 1, [](In x) { return std::vector{sum(x[0], {0})}; }},
      {"transpose", 2, [](In x) { return std::vector{contiguous(transpose(x[0], 0, 1))}; }},
  };
  return all;
}

nlohmann::json bandwidth(const Bandwidth& b, double min_time) {
  const DeviceScope scope(kGpu);
  const Shape shape{65536, 1024};
  const Tensor x = Tensor::full(shape, 0.5), y = Tensor::full(shape, 0.25);
  const std::vector<Tensor> inputs = {x, y};
  std::vector<TensorSpec> specs = {x.spec(), y.spec()};
  const auto plan = compile(b.f, specs, {.rows = false});
  Workspace workspace(plan);
  const Tensor out = Tensor::empty(plan->outputs()[0].shape);
  const void* const given[] = {x.raw(), y.raw()};
  void* const wanted[] = {out.mutable_raw()};
  nlohmann::json row = {{"mode", "plan"}};
  row.update(measure(min_time, [&] { workspace.run(given, wanted, 1); }));
  const Tensor to = Tensor::empty(shape);
  kernels::DeviceLibrary& library = library_of(kGpu, Location::current());
  const nlohmann::json copy =
      measure(min_time, [&] { library.copy(to.mutable_raw(), x.raw(), x.spec().bytes()); });
  const auto bytes = static_cast<double>(x.spec().bytes());
  const double rate = b.passes * bytes / row["median_s"].get<double>();
  row["gigabytes_per_s"] = rate / 1e9;
  row["share_of_copy"] = rate / (2 * bytes / copy["median_s"].get<double>());
  return row;
}

int run_rows(int argc, char** argv) {
  double min_time = 0.5;
  std::vector<std::string> wanted;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--min-time" && i + 1 < argc) {
      min_time = std::atof(argv[++i]);
    } else {
      wanted.emplace_back(argv[i]);
    }
  }
  if (device_count() == 0) {
    std::fputs("ingrad_bench_gpu: no GPU\n", stderr);
    return 2;
  }
  const auto print = [&](const std::string& name, const auto& f) {
    const bool chosen =
        wanted.empty() || std::any_of(wanted.begin(), wanted.end(),
                                      [&](const auto& w) { return name.rfind(w, 0) == 0; });
    if (!chosen) return;
    nlohmann::json row;
    try {
      row = f();
    } catch (const Error& e) {
      row = {{"error", e.what()}};
    }
    row["name"] = name;
    std::puts(row.dump().c_str());
    std::fflush(stdout);
  };
  for (const Model& m : models()) {
    for (const std::int64_t batch : m.batches) {
      print(fmt::format("input_gradient/{}/{}", m.name, batch),
            [&] { return input_gradient(m, batch, min_time); });
    }
  }
  for (const Model& m : models()) {
    if (m.batches.back() < 256) continue;
    for (const std::int64_t batch : {16, 256}) {
      print(fmt::format("integrated_gradients/{}/{}", m.name, batch),
            [&] { return integrated_gradients(m, batch, min_time); });
    }
  }
  for (const Bandwidth& b : bandwidths()) {
    print(fmt::format("bandwidth/{}", b.name), [&] { return bandwidth(b, min_time); });
  }
  return 0;
}

}  // namespace
}  // namespace ingrad::bench

int main(int argc, char** argv) { return ingrad::bench::run_rows(argc, argv); }
