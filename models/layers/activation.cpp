// SPDX-License-Identifier: Apache-2.0
#include "models/layers/activation.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/softmax.h"
#include "engine/option_text.h"
#include "models/layers/text.h"

namespace ingrad {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

// Takes the options from the text and gives the function.
struct Entry {
  std::string_view name;
  Function (*make)(OptionText& text);
};

template <Tensor (*function)(const Tensor&, Location)>
Function plain(OptionText&) {
  return [](const Tensor& x) { return function(x, Location::current()); };
}

// "leaky_relu:0.2" or "leaky_relu:negative_slope=0.2".
double only_number(OptionText& text, std::string_view key, double fallback) {
  if (text.has(key)) return text.number(key, fallback);
  const std::string value = text.positional();
  if (value.empty()) return fallback;
  return OptionText(fmt::format("{}:{}={}", text.name(), key, value)).number(key, fallback);
}

const Entry kEntries[] = {
    {"relu", plain<relu>},
    {"leaky_relu",
     [](OptionText& t) -> Function {
       const double slope = only_number(t, "negative_slope", 0.01);
       return [=](const Tensor& x) { return leaky_relu(x, slope); };
     }},
    {"elu",
     [](OptionText& t) -> Function {
       const double alpha = only_number(t, "alpha", 1);
       return [=](const Tensor& x) { return elu(x, alpha); };
     }},
    {"celu",
     [](OptionText& t) -> Function {
       const double alpha = only_number(t, "alpha", 1);
       return [=](const Tensor& x) { return celu(x, alpha); };
     }},
    {"selu", plain<selu>},
    {"gelu", plain<gelu>},
    {"gelu_tanh", plain<gelu_tanh>},
    {"silu", plain<silu>},
    {"mish", plain<mish>},
    {"softplus",
     [](OptionText& t) -> Function {
       const double beta = t.number("beta", 1), threshold = t.number("threshold", 20);
       return [=](const Tensor& x) { return softplus(x, beta, threshold); };
     }},
    {"softsign", plain<softsign>},
    {"sigmoid", plain<sigmoid>},
    {"log_sigmoid", plain<log_sigmoid>},
    {"hardsigmoid", plain<hardsigmoid>},
    {"hardswish", plain<hardswish>},
    {"tanh", plain<tanh>},
    {"tanhshrink", plain<tanhshrink>},
    {"softmax",
     [](OptionText&) -> Function { return [](const Tensor& x) { return softmax(x, 1); }; }},
    {"log_softmax",
     [](OptionText&) -> Function { return [](const Tensor& x) { return log_softmax(x, 1); }; }},
    {"identity", [](OptionText&) -> Function { return [](const Tensor& x) { return x; }; }},
};

}  // namespace

Activation::Activation(std::string_view text, Location where) : text_(text) {
  OptionText options(text, where);
  for (const Entry& e : kEntries) {
    if (e.name != options.name()) continue;
    function_ = e.make(options);
    options.finish();
    return;
  }
  throw Error(fmt::format("unknown activation '{}'; expected one of {}", options.name(),
                          fmt::join(names(), ", ")),
              where);
}

std::vector<std::string> Activation::names() {
  std::vector<std::string> all;
  for (const Entry& e : kEntries) all.emplace_back(e.name);
  return all;
}

Tensor Activation::forward(const Tensor& x, Pass&) const { return function_(x); }

}  // namespace ingrad
