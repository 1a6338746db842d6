// SPDX-License-Identifier: Apache-2.0
#include "tools/methods/methods.h"

#include <fmt/format.h>

#include <algorithm>

#include "attribution/quadrature.h"
#include "engine/suggest.h"
#include "tools/arguments.h"
#include "tools/methods/families.h"

namespace ingrad::tools {
namespace {

// What a name stands for: a method, the methods of a family, or all of them.
std::vector<const Method*> named(const std::string& name) {
  std::vector<const Method*> found;
  for (const Method& m : methods()) {
    if (m.name == name || m.family == name || name == "all") found.push_back(&m);
  }
  if (found.empty()) found.push_back(&find_method(name));
  return found;
}

}  // namespace

std::span<const Method> methods() {
  static const std::vector<Method> kAll = [] {
    std::vector<Method> all;
    for (const auto& family :
         {gradient_methods, path_methods, rule_methods, map_methods, perturbation_methods}) {
      for (Method& m : family()) all.push_back(std::move(m));
    }
    return all;
  }();
  return kAll;
}

const Method& find_method(const std::string& name) {
  std::vector<std::string> names;
  for (const Method& m : methods()) {
    if (m.name == name) return m;
    names.push_back(m.name);
  }
  const std::string hint = did_you_mean(name, names);
  throw Error(fmt::format("method '{}' is unknown{}", name,
                          hint.empty() ? "; `ingrad methods` lists them" : hint));
}

std::vector<ChosenMethod> parse_methods(const std::string& text) {
  std::vector<ChosenMethod> chosen;
  for (const std::string& name : parse_list(text, "--method")) {
    for (const Method* m : named(name)) {
      const auto found = std::find_if(chosen.begin(), chosen.end(),
                                      [m](const ChosenMethod& c) { return c.method == m; });
      if (found == chosen.end()) {
        chosen.push_back({m, m->name == name});
      } else if (m->name == name) {
        found->by_name = true;
      }
    }
  }
  return chosen;
}

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const auto rule :
       {QuadratureRule::left, QuadratureRule::right, QuadratureRule::midpoint,
        QuadratureRule::trapezoid, QuadratureRule::simpson, QuadratureRule::gauss_legendre}) {
    names.emplace_back(name_of(rule));
  }
  names.emplace_back(kAdaptiveRule);
  return names;
}

}  // namespace ingrad::tools
