// SPDX-License-Identifier: Apache-2.0
#include "engine/attrs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ingrad {

std::string Attr::str() const {
  struct Print {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Ints& v) const { return fmt::format("[{}]", fmt::join(v, ", ")); }
    std::string operator()(const Numbers& v) const {
      return fmt::format("[{}]", fmt::join(v, ", "));
    }
    std::string operator()(DType v) const { return std::string(name_of(v)); }
    std::string operator()(const Table&) const { return "table"; }
  };
  return std::visit(Print{}, value_);
}

Attrs::Attrs(std::initializer_list<std::pair<const char*, Attr>> items) {
  items_.reserve(items.size());
  for (const auto& [name, value] : items) items_.emplace_back(name, value);
}

Attrs& Attrs::set(std::string_view name, Attr value) {
  for (auto& [key, old] : items_) {
    if (key == name) {
      old = std::move(value);
      return *this;
    }
  }
  items_.emplace_back(std::string(name), std::move(value));
  return *this;
}

const Attr* Attrs::find(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return &value;
  }
  return nullptr;
}

template <class T>
const T& Attrs::get(std::string_view name, const char* kind) const {
  const Attr* a = find(name);
  const T* v = a == nullptr ? nullptr : std::get_if<T>(&a->value());
  if (v == nullptr) {
    throw Error(fmt::format("attribute \"{}\" is {}; expected {}", name,
                            a == nullptr ? "missing" : a->str(), kind));
  }
  return *v;
}

bool Attrs::flag(std::string_view name) const { return get<bool>(name, "a flag"); }
std::int64_t Attrs::integer(std::string_view name) const {
  return get<std::int64_t>(name, "an integer");
}
double Attrs::number(std::string_view name) const {
  const Attr* a = find(name);
  if (a != nullptr) {
    if (const auto* i = std::get_if<std::int64_t>(&a->value())) return static_cast<double>(*i);
  }
  return get<double>(name, "a number");
}
const std::string& Attrs::text(std::string_view name) const {
  return get<std::string>(name, "a text");
}
const std::vector<std::int64_t>& Attrs::ints(std::string_view name) const {
  return get<Attr::Ints>(name, "a list of integers");
}
const std::vector<double>& Attrs::numbers(std::string_view name) const {
  return get<Attr::Numbers>(name, "a list of numbers");
}
DType Attrs::dtype(std::string_view name) const { return get<DType>(name, "a dtype"); }
const Attr::Table& Attrs::table(std::string_view name) const {
  return get<Attr::Table>(name, "a table");
}

std::string Attrs::str() const {
  std::string out;
  for (const auto& [key, value] : items_) {
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", key, value.str());
  }
  return out;
}

}  // namespace ingrad
