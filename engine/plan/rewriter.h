// SPDX-License-Identifier: Apache-2.0
// What passes share: who computes a value, who reads it, and writing a program anew call by call.
#pragma once

#include <span>
#include <vector>

#include "engine/program.h"

namespace ingrad {

// Of every value of a program.
struct ValueUses {
  explicit ValueUses(const Program& program);
  // The call that computes it; -1 for inputs and constants.
  int producer(int value) const { return producer_[static_cast<std::size_t>(value)]; }
  // How often calls and outputs read it.
  int readers(int value) const { return readers_[static_cast<std::size_t>(value)]; }
  // The only call that reads it, -1 if there is none, several, or it is an output.
  int only_reader(int value) const;

 private:
  std::vector<int> producer_, readers_, reader_;
};

// A program in the making. Values keep their numbers unless replaced, and new ones follow.
class Rewriter {
 public:
  explicit Rewriter(const Program& from);

  // The value that stands for `value` of the old program.
  int now(int value) const { return map_[static_cast<std::size_t>(value)]; }
  void replace(int value, int by) { map_[static_cast<std::size_t>(value)] = by; }
  // Copies a call of the old program.
  void keep(const ProgramCall& call);
  // Copies it, with another op, attributes and inputs (new numbers) and the same outputs.
  void keep_as(const ProgramCall& call, const OpDef& op, Attrs attrs, std::vector<int> inputs);
  // Adds a call on new numbers and gives its outputs.
  std::vector<int> emit(const OpDef& op, const Attrs& attrs, std::vector<int> inputs,
                        Location where);
  int constant(const Tensor& t) { return to_.add_value(t.spec(), t); }
  const TensorSpec& spec(int value) const { return to_.spec(value); }
  const Tensor& constant_of(int value) const { return to_.constant(value); }
  Program finish();

 private:
  const Program& from_;
  Program to_;
  std::vector<int> map_;
};

}  // namespace ingrad
