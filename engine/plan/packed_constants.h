// SPDX-License-Identifier: Apache-2.0
// Constants in the form that kernels want them, made once per plan however many of its tile sizes
// ask for them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "engine/program.h"

namespace ingrad {

class PackedConstants {
 public:
  PackedConstants();  // the calling thread's, until it is destroyed
  ~PackedConstants();
  PackedConstants(const PackedConstants&) = delete;
  PackedConstants& operator=(const PackedConstants&) = delete;

  // Error when there is none: kernels that want packed constants run in plans only.
  static PackedConstants& current();

  // The packed form of what lies at `source`, told from others of the same source by `key`; at
  // first made by fill(memory).
  using Key = std::vector<std::int64_t>;
  std::shared_ptr<void> get(const void* source, const Key& key, std::int64_t bytes,
                            const std::function<void(void*)>& fill);
  // What make() gives for these constants and this number, made once.
  Tensor derived(const std::vector<Tensor>& sources, double number,
                 const std::function<Tensor()>& make);
  // Replaces constants of a program that equal earlier ones, bit for bit, by those.
  void intern(Program& program);

 private:
  std::shared_ptr<void> allocate(std::int64_t bytes);

  std::map<std::pair<const void*, Key>, std::shared_ptr<void>> packed_;
  std::shared_ptr<Storage> block_;  // what is packed lies in, one after the other
  std::int64_t used_ = 0;           // bytes of the block
  std::int64_t total_ = 0;          // bytes of all that is packed
  std::map<std::string, std::vector<Tensor>> known_;  // by spec
  struct Derived {
    std::vector<Tensor> sources;  // kept, so that no other tensor takes their place
    Tensor result;
  };
  std::map<std::pair<std::vector<const void*>, double>, Derived> derived_;
  PackedConstants* before_;
};

}  // namespace ingrad
