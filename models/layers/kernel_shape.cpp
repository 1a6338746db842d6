// SPDX-License-Identifier: Apache-2.0
#include "models/layers/kernel_shape.h"

#include "models/layers/text.h"

namespace ingrad {

Shape kernel_shape(std::string_view layer, std::int64_t rows, std::int64_t columns,
                   std::int64_t groups, IntList kernel, int spatial_axes, Location where) {
  const auto axes = static_cast<std::size_t>(spatial_axes);
  const auto positive = [](std::int64_t v) { return v >= 1; };
  if (!positive(rows) || !positive(columns) || !positive(groups) || rows % groups != 0 ||
      columns % groups != 0) {
    throw Error(fmt::format("{}: {} and {} channels in {} groups; expected positive multiples of "
                            "the number of groups",
                            layer, rows, columns, groups),
                where);
  }
  const auto sizes = kernel.values();
  if ((sizes.size() != 1 && sizes.size() != axes) ||
      !std::all_of(sizes.begin(), sizes.end(), positive)) {
    throw Error(fmt::format("{}: kernel [{}]; expected one positive size or {}", layer,
                            fmt::join(sizes, ", "), axes),
                where);
  }
  std::vector<std::int64_t> shape{rows, columns / groups};
  for (std::size_t a = 0; a < axes; ++a) shape.push_back(sizes[sizes.size() == 1 ? 0 : a]);
  return Shape(shape, where);
}

}  // namespace ingrad
