// SPDX-License-Identifier: Apache-2.0
// The programs that a pool runs (attribution/row_program.h), as plans.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

#include "attribution/row_program.h"
#include "engine/plan/plan.h"

namespace ingrad {

// Plans of one model, built when first asked for. Methods that explain the same model share them by
// sharing this object (PoolOptions::plans); any number of threads may ask at once.
class PoolPlans {
 public:
  // Rows that a plan is compiled for, whatever a pool's batches: what it computes does not depend
  // on them.
  static constexpr std::int64_t kMaxRows = 256;

  // Of a program that explains this scalar, for a model on that device. memory_bytes: most working
  // memory of one thread, 0: no limit. Error when the model mixes rows or looks at values.
  std::shared_ptr<const Plan> get(const RowProgram& program, ScalarKind kind,
                                  std::int64_t memory_bytes, Device device, Location where);
  // Of path_sum_function() (attribution/path_sums.h), for pieces of so many nodes; at most
  // `most_pieces` in a run, `tile_pieces` (a power of two) of them at a time.
  struct PathForm {
    std::int64_t nodes, most_pieces, tile_pieces;
  };
  std::shared_ptr<const Plan> path_sums(const ModelFn& model, const Shape& row_shape,
                                        ScalarKind kind, const PathForm& form,
                                        std::int64_t memory_bytes, Device device, Location where);
  // What a run of pieces needs on a device: a workspace, and the arrays of a batch. Recorded graphs
  // belong to arrays, so both are kept from one explanation to the next.
  struct PathBench {
    Workspace workspace;
    std::vector<Tensor> inputs;
    Tensor sums;
  };
  // One for the plan, by which a caller has it alone until it is put back; made when there is none.
  std::unique_ptr<PathBench> take_bench(const std::shared_ptr<const Plan>& plan);
  void put_back(std::unique_ptr<PathBench> bench);

  // Of a part of the model, by name: what remains after its affine beginning, or after a layer.
  std::shared_ptr<PoolPlans> part(const std::string& name);

 private:
  // What is computed, the shape of a row, the cap, the device.
  using Key = std::tuple<std::string, std::string, std::int64_t, std::string>;
  template <class Make>
  std::shared_ptr<const Plan> cached(const Key& key, const Make& make);

  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const Plan>> plans_;
  std::vector<std::unique_ptr<PathBench>> benches_;  // that nobody has
  std::map<std::string, std::shared_ptr<PoolPlans>> parts_;
};

}  // namespace ingrad
