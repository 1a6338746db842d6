// SPDX-License-Identifier: Apache-2.0
// The evaluation pool: every method makes perturbed copies of each sample, evaluates f or its
// gradient, and adds up the results with weights. The pool packs these rows into batches across
// samples and variants, below a cap in bytes, and hands the results back in a fixed order: what a
// method computes does not depend on the batch size.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "attribution/model.h"
#include "attribution/pool_plans.h"
#include "attribution/row_program.h"

namespace ingrad {

// Row `variant` of sample `sample` is to be evaluated.
struct WorkItem {
  std::int64_t sample = 0;
  std::int64_t variant = 0;
};

struct PoolOptions {
  std::int64_t max_rows = 256;  // per batch; of points of a path on a device, up to twice as many
  // Cap on the memory of a batch: rows, results, and the working memory of all threads; 0: none.
  // (Without plans: on what a batch adds to the engine's live memory.)
  std::int64_t memory_bytes = 0;
  // Run plans (engine/plan/plan.h). False: op by op, the reference, and the way for models that
  // look at values as they go.
  bool planned = true;
  Device device = {};  // where the model is; rows are made on the CPU and go there
  std::shared_ptr<PoolPlans> plans = nullptr;  // shared with other pools of the same model
  // Rows done and rows in all, after every batch; returning false stops the run with an Error.
  std::function<bool(std::int64_t done, std::int64_t total)> progress = nullptr;
};

struct PoolStats {
  std::int64_t forward_rows = 0;   // evaluated without gradient
  std::int64_t gradient_rows = 0;  // forward and backward
  std::int64_t batch_rows = 0;     // of the largest batch
  std::int64_t peak_bytes = 0;     // memory of the largest batch
};

class Pool {
 public:
  // `targets` (and `contrast`, for that scalar) has one class per sample; row_shape is that of one
  // sample. Inputs of the model are f32. Every `classes` samples in a row are one input that is
  // explained for several classes: where their rows are the same, they share the forward pass.
  Pool(ModelFn model, const Shape& row_shape, ScalarKind kind, std::vector<std::int64_t> targets,
       std::vector<std::int64_t> contrast, PoolOptions options,
       Location where = Location::current(), std::int64_t classes = 1);

  // Writes the input row of an item.
  using Make = std::function<void(const WorkItem&, std::span<float> row)>;
  // Receives f and the array of an item. The items of a sample come in their order.
  using Consume = std::function<void(const WorkItem&, double value, std::span<const float> array)>;
  // Any program; methods with several give them different names. With C classes per row, every C
  // items in a row stand for one row, which is made for the first of them; items with a negative
  // sample are left out.
  void compute(const RowProgram& program, std::span<const WorkItem> items, const Make& make,
               const Consume& consume);
  // A program for any number of classes, so that the classes of an input share what they can.
  using ProgramOfClasses = std::function<RowProgram(std::int64_t classes)>;
  void compute_classes(const ProgramOfClasses& program, std::span<const WorkItem> items,
                       const Make& make, const Consume& consume);
  // The array is df/drow.
  void gradients(std::span<const WorkItem> items, const Make& make, const Consume& consume);
  // Forward only; the array is empty.
  void values(std::span<const WorkItem> items, const Make& make, const Consume& consume);

  const PoolStats& stats() const { return stats_; }
  // Gives back working memory; a later call takes it anew.
  void release();

 private:
  struct Evaluated {
    std::vector<double> values;
    Tensor array;
  };
  // How batches of a program are evaluated: by a plan with its working memory, or op by op.
  struct Way {
    std::unique_ptr<Workspace> workspace;
    std::int64_t rows = 0;       // of a batch
    std::int64_t row_bytes = 0;  // of input and results, with a workspace
  };
  Way& way(const RowProgram& program, std::span<const WorkItem> items, const Make& make);
  Way planned_way(const RowProgram& program) const;
  Tensor batch_of(const RowProgram& program, std::span<const WorkItem> items,
                  const Make& make) const;
  Evaluated evaluate(const RowProgram& program, std::span<const WorkItem> items, const Tensor& x,
                     Workspace* workspace) const;
  std::int64_t rows_below_cap(const RowProgram& program, std::span<const WorkItem> items,
                              const Make& make) const;
  void count(const RowProgram& program, std::int64_t rows, std::int64_t peak);

  ModelFn model_;
  Shape row_shape_;
  ScalarKind kind_;
  std::vector<std::int64_t> targets_, contrast_;
  PoolOptions options_;
  std::int64_t classes_;
  Location where_;
  PoolStats stats_;
  std::map<std::string, Way> ways_;  // by the name of the program
};

}  // namespace ingrad
