// SPDX-License-Identifier: Apache-2.0
// Plans: a function of tensors, usually one that asks for gradients, as a flat program that is
// replayed without allocation, locks or look-ups.
//
//   const TensorSpec specs[] = {{Shape{256, 784}}};
//   const auto plan = compile([&](auto in) { return std::vector{grad(f, in[0])}; }, specs);
//   Workspace workspace(plan);
//   workspace.run(inputs, outputs, rows);  // pointers, or workspace.run(tensors)
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"
#include "engine/plan/code.h"
#include "engine/tensor.h"

namespace ingrad {

struct PlanOptions {
  // Axis 0 of every input and output counts rows, of which run() takes any number up to that of the
  // specs. Each row's results must depend on that row alone: compile() proves it or throws an Error
  // that names the op. Without rows the program runs as a whole, on exactly the shapes given.
  bool rows = true;
  // Rows that a thread computes at a time, a power of two; 0: as many as keep its working memory in
  // the second-level cache, but at least 16.
  std::int64_t tile_rows = 0;
  // Most working memory of a workspace with one thread, in bytes; 0: no limit. MemoryCapError when
  // one row needs more.
  std::int64_t memory_bytes = 0;
  // Passes to leave out, by name (pass_names()); for tests and listings.
  std::vector<std::string> without = {};
  // Every buffer is filled with NaN after its last use: what reads stale memory shows.
  bool poison = false;
};

class MemoryCapError : public Error {
 public:
  using Error::Error;
};

// In the order in which they run.
std::vector<std::string_view> pass_names();

class Plan {
 public:
  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return outputs_; }
  // Where it runs: where its inputs are.
  Device device() const { return device_; }
  const PlanOptions& options() const { return options_; }
  std::int64_t max_rows() const { return max_rows_; }  // 1 without rows
  std::int64_t tile_rows() const { return std::int64_t{1} << (tiles_.size() - 1); }
  // Fewest rows that are worth a thread of their own; with less, threads share kernels.
  std::int64_t least_share() const { return least_share_; }
  // Of one thread of a workspace, with the scratch of its kernels.
  std::int64_t memory_bytes() const { return memory_bytes_; }
  // Floating-point operations of matrix products and convolutions for one row (for the whole,
  // without rows), two for a multiply-add; and those of the program as it was traced, without dead
  // code.
  double flops() const { return flops_; }
  double traced_flops() const { return traced_flops_; }
  // The program for a full tile, before and after the passes. The latter is to be looked at: what
  // its fused ops pack exists only while a plan is built.
  const Program& traced() const { return traced_; }
  const Program& program() const { return program_; }
  // The code for 2^i rows.
  std::span<const Code> tiles() const { return tiles_; }
  // The kernels of a full tile, one a line.
  std::string kernels() const;

 private:
  friend std::shared_ptr<const Plan> compile(const GraphFn& f, std::span<const TensorSpec> specs,
                                             const PlanOptions& options, Location where);
  std::vector<TensorSpec> inputs_, outputs_;
  Device device_;
  PlanOptions options_;
  std::int64_t max_rows_ = 1, least_share_ = 1, memory_bytes_ = 0;
  double flops_ = 0, traced_flops_ = 0;
  Program traced_, program_;
  std::vector<Code> tiles_;
};

// Tensors with data that `f` uses, such as the parameters of a model, are constants of the plan, as
// they are now; parameters that change are inputs.
std::shared_ptr<const Plan> compile(const GraphFn& f, std::span<const TensorSpec> specs,
                                    const PlanOptions& options = {},
                                    Location where = Location::current());

class DeviceReplays;  // engine/plan/device_replays.h

// What a plan needs to run, once per caller: working memory for `threads` threads (0: threads()).
// One run at a time; any number of workspaces may run the same plan at once. On a device a run for
// the same arrays and rows as an earlier one is a single replay of a recorded graph; run() returns
// when the work has been asked for (synchronize(device) waits).
class Workspace {
 public:
  explicit Workspace(std::shared_ptr<const Plan> plan, int threads = 0);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // Inputs and outputs are dense and hold `rows` rows (exactly those of the specs, without rows).
  // No output may overlap another or an input. Error otherwise, and when there are too many rows.
  void run(std::span<const void* const> inputs, std::span<void* const> outputs, std::int64_t rows,
           Location where = Location::current());
  // On tensors: all with the same number of rows.
  std::vector<Tensor> run(std::span<const Tensor> inputs, Location where = Location::current());

  const Plan& plan() const { return *plan_; }
  std::int64_t memory_bytes() const;

 private:
  class Slot;  // the working memory of one thread
  // `shared`: all threads work on each kernel, rather than this one on all of them.
  void run_rows(Slot& slot, std::int64_t begin, std::int64_t end, bool shared) const;
  void run_on_device(std::int64_t rows, Location where);

  std::shared_ptr<const Plan> plan_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::byte*> scratch_;  // of every thread that may help with a kernel
  std::shared_ptr<Storage> more_scratch_;
  std::unique_ptr<DeviceReplays> replays_;  // null on the cpu
  std::span<const void* const> given_;
  std::span<void* const> wanted_;
};

}  // namespace ingrad
