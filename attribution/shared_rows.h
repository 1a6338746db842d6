// SPDX-License-Identifier: Apache-2.0
// Several classes of one input: work items with the same row share its forward pass.
#pragma once

#include <span>
#include <vector>

#include "attribution/pool.h"

namespace ingrad {

// Every `classes` samples in a row are one input, explained for so many classes. Gives the items in
// groups of `together` (for Pool::compute) that stand for one row of one input, gaps filled by
// items with a negative sample; empty when `make` gives the classes of an input different rows.
// Items belong together that have the same place among the items of their samples.
std::vector<WorkItem> share_rows(std::span<const WorkItem> items, std::int64_t classes,
                                 std::int64_t together, std::size_t row_width,
                                 const Pool::Make& make);

}  // namespace ingrad
