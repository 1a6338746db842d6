// SPDX-License-Identifier: Apache-2.0
// Kernel calls as data. While a recorder is active on a thread, ops evaluated there allocate
// symbolic addresses instead of memory and their kernels are noted down instead of run: that is how
// plans turn a program into a list of instructions without a second description of any op.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/storage.h"
#include "kernels/kernel.h"

namespace ingrad {

// A kernel with its argument struct, types erased: invoke(fn, args, range) runs it.
struct KernelCall {
  void (*invoke)(void (*fn)(), const void* args, kernels::Range range);
  void (*fn)();
  const void* args;
  std::size_t args_bytes;
  std::int64_t units;
  std::int64_t cost;  // of all units, in element operations
  std::int64_t scratch_bytes;
  std::span<const std::size_t> operands;  // where in the struct pointers to operands are
  const kernels::FamilyBase* family;      // null: a step of an op's own
  kernels::DType dtype;
};

class KernelRecorder {
 public:
  // Of the calling thread; null: kernels run at once.
  static KernelRecorder* active();

  virtual ~KernelRecorder() = default;
  // Storage without memory, whose address stands for it in argument structs.
  virtual std::shared_ptr<Storage> allocate(std::int64_t bytes, Device device) = 0;
  // Keeps memory with values that recorded kernels may read.
  virtual void hold(std::shared_ptr<const void> memory) = 0;
  // Copies the arguments.
  virtual void record(const KernelCall& call) = 0;
  // A copy of a table in host memory that arguments point to, which lives as long as the recording.
  virtual const void* keep(const void* table, std::size_t bytes) = 0;
};

// Makes a recorder the calling thread's; null suspends recording, for constants.
class RecordingScope {
 public:
  explicit RecordingScope(KernelRecorder* recorder);
  ~RecordingScope();
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  KernelRecorder* before_;
};

}  // namespace ingrad
