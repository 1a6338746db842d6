// SPDX-License-Identifier: Apache-2.0
// A lowered program: a flat list of kernel calls whose operands lie in one arena, ready to be
// replayed without a look at tensors, ops or shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/program.h"
#include "kernels/kernel.h"

namespace ingrad {

struct Instruction {
  void (*invoke)(void (*fn)(), const void* args, kernels::Range range);
  void (*fn)();
  std::size_t args;  // where its argument struct begins in Code::args
  std::int64_t units;
  std::int64_t cost;
  std::int64_t scratch_bytes;
  int call;  // of the program, for listings
  const kernels::FamilyBase* family;
};

// What an operand of instructions needs memory for.
struct Buffer {
  enum class Kind : std::uint8_t { arena, input, output };
  std::int64_t bytes = 0;
  Kind kind = Kind::arena;
  int index = 0;              // of the input or output
  int first = -1, last = -1;  // instructions that touch it; -1: none
  std::int64_t offset = 0;    // in the arena
};

// An address in the argument structs: byte `at` of Code::args holds that of `buffer` plus `addend`.
struct Patch {
  std::size_t at;
  int buffer;
  std::int64_t addend;
};

struct Code {
  std::vector<Instruction> instructions;
  std::vector<std::byte> args;
  std::vector<Buffer> buffers;
  std::vector<Patch> patches;
  std::vector<std::shared_ptr<const void>> kept;  // tables, packed weights and constants
  std::int64_t arena_bytes = 0;
  std::int64_t scratch_bytes = 0;  // of the most demanding instruction
};

// Bytes to which every buffer is aligned and padded.
inline constexpr std::int64_t kBufferAlign = 64;

// Notes down the kernels that `program` runs. Error when an op looks at values.
Code lower(const Program& program, Location where = Location::current());

// Gives every arena buffer its offset so that no two that are in use at once overlap.
void assign_memory(Code& code);

}  // namespace ingrad
