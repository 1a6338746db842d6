// SPDX-License-Identifier: Apache-2.0
#include "attribution/shared_rows.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace ingrad {
namespace {

// Does every item of the group make the same row?
bool same_row(std::span<const WorkItem> group, std::vector<float>& row, std::vector<float>& other,
              const Pool::Make& make) {
  bool is_first = true;
  for (const WorkItem& w : group) {
    if (w.sample < 0) continue;
    make(w, is_first ? row : other);
    if (!is_first && std::memcmp(row.data(), other.data(), row.size() * sizeof(float)) != 0) {
      return false;
    }
    is_first = false;
  }
  return true;
}

}  // namespace

std::vector<WorkItem> share_rows(std::span<const WorkItem> items, std::int64_t classes,
                                 std::int64_t together, std::size_t row_width,
                                 const Pool::Make& make) {
  const auto size = static_cast<std::size_t>(together);
  std::unordered_map<std::int64_t, std::size_t> items_of_sample;
  // By input and range of classes: where its groups begin, in order.
  std::unordered_map<std::int64_t, std::vector<std::size_t>> groups;
  std::vector<WorkItem> shared;
  const std::int64_t ranges = (classes + together - 1) / together;
  for (const WorkItem& w : items) {
    const std::int64_t c = w.sample % classes;
    std::vector<std::size_t>& begins = groups[w.sample / classes * ranges + c / together];
    const std::size_t place = items_of_sample[w.sample]++;
    if (place == begins.size()) {
      begins.push_back(shared.size());
      shared.resize(shared.size() + size, {-1, 0});
    }
    shared[begins[place] + static_cast<std::size_t>(c % together)] = w;
  }
  std::vector<float> row(row_width), other(row_width);
  for (std::size_t i = 0; i < shared.size(); i += size) {
    if (!same_row({&shared[i], size}, row, other, make)) return {};
    // The row is made for the first item.
    const auto begin = shared.begin() + static_cast<std::ptrdiff_t>(i);
    if (begin->sample < 0) {
      std::iter_swap(begin, std::find_if(begin, begin + static_cast<std::ptrdiff_t>(size),
                                         [](const WorkItem& w) { return w.sample >= 0; }));
    }
  }
  return shared;
}

}  // namespace ingrad
