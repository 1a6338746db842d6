// SPDX-License-Identifier: Apache-2.0
// Of which values only a part counts: positions along one axis (a token of a sequence), because
// nothing reads the others or because they are zero.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/program.h"

namespace ingrad {

// The positions [begin, end) of an axis; the whole value if axis < 0.
struct Region {
  int axis = -1;
  std::int64_t begin = 0, end = 0;
  bool whole() const { return axis < 0; }
  std::int64_t extent() const { return end - begin; }
  auto operator<=>(const Region&) const = default;
};

// What a slice takes or an embedding into zeros fills in, if that is a part along one axis other
// than that of the rows.
std::optional<Region> taken_by(const Program& p, const ProgramCall& slice);
std::optional<Region> filled_by(const Program& p, const ProgramCall& embed);

// Can attention be computed for these queries alone?
bool attends_alone(const ProgramCall& attention, const Region& queries);

// What a call reads of its inputs for a part of its only output; nothing if parts do not
// correspond.
std::optional<std::vector<Region>> read_for(const Program& p, const ProgramCall& call,
                                            const Region& out);

class Regions {
 public:
  explicit Regions(const Program& program);
  // What is to be computed of a value.
  const Region& of(int value) const { return regions_[static_cast<std::size_t>(value)]; }

 private:
  std::vector<Region> regions_;
};

}  // namespace ingrad
