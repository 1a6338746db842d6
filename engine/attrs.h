// SPDX-License-Identifier: Apache-2.0
// Attributes of an op: a small ordered map from names to values. Generic, so that programs can be
// printed, compared and stored without knowing the ops.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/spec.h"

namespace ingrad::kernels {
struct AxisTable;  // kernels/resample.h: a sparse linear map along one axis
}

namespace ingrad {

class Attr {
 public:
  using Ints = std::vector<std::int64_t>;
  using Numbers = std::vector<double>;
  using Table = std::shared_ptr<const kernels::AxisTable>;
  using Value = std::variant<bool, std::int64_t, double, std::string, Ints, Numbers, DType, Table>;

  Attr(bool v) : value_(v) {}                                     // NOLINT: values convert freely
  Attr(int v) : value_(static_cast<std::int64_t>(v)) {}           // NOLINT
  Attr(std::int64_t v) : value_(v) {}                             // NOLINT
  Attr(double v) : value_(v) {}                                   // NOLINT
  Attr(const char* v) : value_(std::string(v)) {}                 // NOLINT
  Attr(std::string v) : value_(std::move(v)) {}                   // NOLINT
  Attr(Ints v) : value_(std::move(v)) {}                          // NOLINT
  Attr(Numbers v) : value_(std::move(v)) {}                       // NOLINT
  Attr(DType v) : value_(v) {}                                    // NOLINT
  Attr(Table v) : value_(std::move(v)) {}                         // NOLINT

  const Value& value() const { return value_; }
  bool operator==(const Attr&) const = default;
  std::string str() const;

 private:
  Value value_;
};

class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<const char*, Attr>> items);

  Attrs& set(std::string_view name, Attr value);  // replaces a value of the same name
  bool has(std::string_view name) const { return find(name) != nullptr; }

  // The named value; Error when it is missing or of another kind (a defect of the op's author,
  // or of a program read from a file).
  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;  // integers convert
  const std::string& text(std::string_view name) const;
  const std::vector<std::int64_t>& ints(std::string_view name) const;
  const std::vector<double>& numbers(std::string_view name) const;
  DType dtype(std::string_view name) const;
  const Attr::Table& table(std::string_view name) const;

  bool operator==(const Attrs&) const = default;
  std::string str() const;  // "axes=[0, 1], keepdim=true"
  const std::vector<std::pair<std::string, Attr>>& items() const { return items_; }

 private:
  const Attr* find(std::string_view name) const;
  template <class T>
  const T& get(std::string_view name, const char* kind) const;

  std::vector<std::pair<std::string, Attr>> items_;
};

}  // namespace ingrad
