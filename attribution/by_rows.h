// SPDX-License-Identifier: Apache-2.0
// Programs are traced for a number of rows: what is made of them, by that number, when first asked
// for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace ingrad {

// By any number of threads.
template <class T>
class ByRows {
 public:
  explicit ByRows(std::function<T(std::int64_t rows)> make) : make_(std::move(make)) {}

  const T& at(std::int64_t rows) {
    const std::lock_guard lock(mutex_);
    auto found = made_.find(rows);
    if (found == made_.end()) found = made_.emplace(rows, make_(rows)).first;
    return found->second;
  }

 private:
  std::function<T(std::int64_t rows)> make_;
  std::mutex mutex_;
  std::map<std::int64_t, T> made_;
};

}  // namespace ingrad
