// SPDX-License-Identifier: Apache-2.0
#include "attribution/perturbation/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "engine/ops/elementwise.h"
#include "engine/ops/shape.h"

namespace ingrad {

Features Features::elements(const Shape& row) {
  Map map;
  map.count = row.size();
  map.ids.resize(static_cast<std::size_t>(map.count));
  std::iota(map.ids.begin(), map.ids.end(), 0);
  return Features({std::move(map)});
}

Features Features::grid(const Shape& row, std::int64_t height, std::int64_t width, Location where) {
  if (row.rank() != 3 || height < 1 || width < 1 || height > row[1] || width > row[2]) {
    throw Error(fmt::format("features: cells of {} x {} in samples {}; expected pictures [C, H, W] "
                            "and cells that fit",
                            height, width, row.str()),
                where);
  }
  const std::int64_t across = (row[2] + width - 1) / width;
  Map map;
  map.count = (row[1] + height - 1) / height * across;
  for (std::int64_t c = 0; c < row[0]; ++c) {
    for (std::int64_t y = 0; y < row[1]; ++y) {
      for (std::int64_t x = 0; x < row[2]; ++x) {
        map.ids.push_back(static_cast<std::int32_t>(y / height * across + x / width));
      }
    }
  }
  return Features({std::move(map)});
}

Features Features::from_ids(const Tensor& ids, const Shape& row, Location where) {
  const bool is_integer = ids.defined() && (ids.dtype() == DType::i32 || ids.dtype() == DType::i64);
  const bool per_sample = is_integer && ids.rank() == row.rank() + 1 && ids.dim(0) > 1;
  Shape all = row.with_inserted(0, per_sample ? ids.dim(0) : 1);
  bool fits = is_integer;
  try {
    fits = fits && broadcast_shapes("features", ids.shape(), all, where) == all;
  } catch (const Error&) {
    fits = false;
  }
  if (!fits) {
    throw Error(fmt::format("features: numbers {} for samples {}; expected integers that broadcast "
                            "to one sample or to [samples, ...]",
                            ids.defined() ? ids.spec().str() : "undefined", row.str()),
                where);
  }
  const auto numbers =
      contiguous(expand(cast(ids.to({}), DType::i64), all)).to_vector<std::int64_t>();
  std::vector<Map> maps;
  const auto size = static_cast<std::size_t>(row.size());
  for (std::size_t first = 0; first < numbers.size(); first += size) {
    std::map<std::int64_t, std::int32_t> dense;
    for (std::size_t i = first; i < first + size; ++i) dense.emplace(numbers[i], 0);
    Map map;
    for (auto& [number, id] : dense) id = static_cast<std::int32_t>(map.count++);
    for (std::size_t i = first; i < first + size; ++i) map.ids.push_back(dense[numbers[i]]);
    maps.push_back(std::move(map));
  }
  return Features(std::move(maps));
}

std::int64_t Features::largest_count() const {
  std::int64_t most = 0;
  for (const Map& m : maps_) most = std::max(most, m.count);
  return most;
}

}  // namespace ingrad
