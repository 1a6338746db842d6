// SPDX-License-Identifier: Apache-2.0
// Einstein summation as transposes, reshapes and one batched matrix product per operand pair.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/ops/compute.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/table.h"

namespace ingrad {
namespace {

// A term of the equation: one label per axis. The axes of "..." have the labels 0, 1, ... counted
// from the right, so that ellipses of different lengths broadcast.
using Labels = std::vector<int>;
constexpr int kFirstLetter = 256;

struct Equation {
  std::vector<Labels> terms;
  Labels output;
};

[[noreturn]] void fail(std::string_view equation, const std::string& why, Location where) {
  throw Error(fmt::format("einsum: \"{}\": {}", equation, why), where);
}

Labels parse_term(std::string_view equation, std::string_view text, int rank, Location where) {
  Labels labels;
  const auto dots = text.find("...");
  const int letters = static_cast<int>(
      std::count_if(text.begin(), text.end(),
                    [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }));
  const int covered = dots == std::string_view::npos ? 0 : rank - letters;
  if (covered < 0 || (dots == std::string_view::npos && rank >= 0 && letters != rank)) {
    fail(equation, fmt::format("\"{}\" names {} axes, its operand has {}", text, letters, rank),
         where);
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == dots) {
      for (int k = covered - 1; k >= 0; --k) labels.push_back(k);
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(text[i])) != 0) {
      labels.push_back(kFirstLetter + text[i]);
    } else {
      fail(equation, fmt::format("unexpected '{}'", text[i]), where);
    }
  }
  return labels;
}

Equation parse(std::string_view equation, std::span<const TensorSpec> operands, Location where) {
  std::string text;
  std::copy_if(equation.begin(), equation.end(), std::back_inserter(text),
               [](char c) { return c != ' '; });
  const auto arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  std::vector<std::string> parts(1);
  for (const char c : left) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if (parts.size() != operands.size()) {
    fail(equation, fmt::format("{} terms for {} operands", parts.size(), operands.size()), where);
  }
  Equation e;
  int ellipsis = 0;
  std::map<int, int> count;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    e.terms.push_back(parse_term(equation, parts[i], operands[i].shape.rank(), where));
    for (const int label : e.terms.back()) {
      ++count[label];
      if (label < kFirstLetter) ellipsis = std::max(ellipsis, label + 1);
    }
  }
  if (arrow == std::string::npos) {
    for (int k = ellipsis - 1; k >= 0; --k) e.output.push_back(k);
    for (const auto& [label, n] : count) {
      if (label >= kFirstLetter && n == 1) e.output.push_back(label);
    }
    return e;
  }
  const std::string right = text.substr(arrow + 2);
  const int letters = static_cast<int>(
      std::count_if(right.begin(), right.end(), [](char c) { return c != '.'; }));
  const bool dots = right.find("...") != std::string::npos;
  e.output = parse_term(equation, right, letters + (dots ? ellipsis : 0), where);
  std::set<int> seen;
  for (const int label : e.output) {
    if (count.find(label) == count.end()) {
      fail(equation, "the output has a letter that no operand has", where);
    }
    if (!seen.insert(label).second) fail(equation, "the output repeats a letter", where);
  }
  return e;
}

struct Term {
  Tensor value;
  Labels labels;

  int find(int label) const {
    const auto it = std::find(labels.begin(), labels.end(), label);
    return it == labels.end() ? -1 : static_cast<int>(it - labels.begin());
  }
};

// "ii" to "i": keep the diagonal by masking with the identity and summing one of the axes.
Term without_repeats(Term t) {
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    for (std::size_t j = t.labels.size() - 1; j > i; --j) {
      if (t.labels[i] != t.labels[j]) continue;
      const std::int64_t n = t.value.shape()[static_cast<int>(i)];
      std::vector<double> eye(static_cast<std::size_t>(n * n), 0.0);
      for (std::int64_t k = 0; k < n; ++k) eye[static_cast<std::size_t>(k * n + k)] = 1;
      std::vector<std::int64_t> extents(t.labels.size(), 1);
      extents[i] = extents[j] = n;
      const Tensor mask = cast(Tensor::from<double>(eye, Shape(extents)), t.value.dtype());
      t.value = sum(mul(t.value, mask), {static_cast<std::int64_t>(j)});
      t.labels.erase(t.labels.begin() + static_cast<std::ptrdiff_t>(j));
    }
  }
  return t;
}

Term sum_out(Term t, const std::set<int>& keep) {
  std::vector<std::int64_t> axes;
  Labels left;
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    if (keep.count(t.labels[i]) != 0) {
      left.push_back(t.labels[i]);
    } else {
      axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  if (!axes.empty()) t.value = sum(t.value, axes);
  t.labels = left;
  return t;
}

// The operand with axes in the order of `wanted`; labels that it lacks get extent 1.
Tensor arranged(const Term& t, const Labels& wanted) {
  std::vector<std::int64_t> order;
  std::vector<std::int64_t> extents;
  for (const int label : wanted) {
    const int axis = t.find(label);
    if (axis >= 0) order.push_back(axis);
    extents.push_back(axis >= 0 ? t.value.shape()[axis] : 1);
  }
  return reshape(permute(t.value, order), Shape(extents));
}

std::int64_t extent_of(const Term& a, const Term& b, int label) {
  std::int64_t e = 1;
  for (const Term* t : {&a, &b}) {
    const int axis = t->find(label);
    if (axis >= 0 && t->value.shape()[axis] != 1) e = t->value.shape()[axis];
  }
  return e;
}

// Multiplies two terms and sums the labels that neither the output nor a later term has.
Term contract(Term a, Term b, const std::set<int>& keep) {
  std::set<int> keep_a = keep, keep_b = keep;
  keep_a.insert(b.labels.begin(), b.labels.end());
  keep_b.insert(a.labels.begin(), a.labels.end());
  a = sum_out(std::move(a), keep_a);
  b = sum_out(std::move(b), keep_b);
  Labels batch, rows, columns, inner;
  for (const int l : a.labels) {
    const bool shared = b.find(l) >= 0;
    (shared ? (keep.count(l) != 0 ? batch : inner) : rows).push_back(l);
  }
  for (const int l : b.labels) {
    if (a.find(l) < 0) columns.push_back(l);
  }
  const auto product = [&](const Labels& labels) {
    std::int64_t n = 1;
    for (const int l : labels) n *= extent_of(a, b, l);
    return n;
  };
  const auto joined = [](Labels x, const Labels& y, const Labels& z) {
    x.insert(x.end(), y.begin(), y.end());
    x.insert(x.end(), z.begin(), z.end());
    return x;
  };
  // Ellipsis axes of extent 1 broadcast: give both operands the full extents first.
  const auto full = [&](const Term& t, const Labels& order) {
    std::vector<std::int64_t> extents;
    for (const int l : order) extents.push_back(extent_of(a, b, l));
    return expand(arranged(t, order), Shape(extents));
  };
  const Tensor x = reshape(full(a, joined(batch, rows, inner)),
                           Shape{product(batch), product(rows), product(inner)});
  const Tensor y = reshape(full(b, joined(batch, inner, columns)),
                           Shape{product(batch), product(inner), product(columns)});
  Term out{{}, joined(batch, rows, columns)};
  std::vector<std::int64_t> extents;
  for (const int l : out.labels) extents.push_back(extent_of(a, b, l));
  out.value = reshape(matmul(x, y), Shape(extents));
  return out;
}

std::vector<Tensor> expand_einsum(const Attrs& attrs, std::span<const Tensor> operands) {
  std::vector<TensorSpec> specs;
  for (const Tensor& t : operands) specs.push_back(t.spec());
  const Equation e = parse(attrs.text("equation"), specs, Location::current());
  std::vector<Term> terms;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    terms.push_back(without_repeats({operands[i], e.terms[i]}));
  }
  Term result = terms[0];
  for (std::size_t i = 1; i <= terms.size(); ++i) {
    std::set<int> keep(e.output.begin(), e.output.end());
    for (std::size_t k = i + 1; k < terms.size(); ++k) {
      keep.insert(terms[k].labels.begin(), terms[k].labels.end());
    }
    result = i < terms.size() ? contract(std::move(result), terms[i], keep)
                              : sum_out(std::move(result), keep);
  }
  return {arranged(result, e.output)};
}

std::vector<TensorSpec> infer_einsum(const Attrs& attrs, std::span<const TensorSpec> in,
                                     Location where) {
  const std::string& equation = attrs.text("equation");
  const Equation e = parse(equation, in, where);
  std::map<int, std::int64_t> extent;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i].dtype != in[0].dtype) {
      fail(equation, fmt::format("operands of dtypes {} and {}", name_of(in[0].dtype),
                                 name_of(in[i].dtype)),
           where);
    }
    for (std::size_t a = 0; a < e.terms[i].size(); ++a) {
      const std::int64_t n = in[i].shape[static_cast<int>(a)];
      const auto [it, added] = extent.emplace(e.terms[i][a], n);
      if (added || it->second == n) continue;
      const bool ellipsis = e.terms[i][a] < kFirstLetter;
      if (!ellipsis || (n != 1 && it->second != 1)) {
        fail(equation, fmt::format("one label has the extents {} and {}", it->second, n), where);
      }
      it->second = std::max(it->second, n);
    }
  }
  std::vector<std::int64_t> out;
  for (const int label : e.output) out.push_back(extent[label]);
  return {{Shape(out, where), in[0].dtype, in[0].device}};
}

std::vector<Sample> einsum_samples() {
  const auto sample = [](const char* equation, std::vector<Shape> shapes) {
    Sample s{{{"equation", equation}}, {}};
    int seed = 1;
    for (const Shape& shape : shapes) s.inputs.push_back(scaled_values(shape, 1, 0, seed++));
    return s;
  };
  return {sample("ij,jk->ik", {{2, 3}, {3, 4}}),      sample("bij,bjk->bik", {{2, 2, 3}, {2, 3, 2}}),
          sample("ij->ji", {{2, 3}}),                 sample("ij->", {{2, 3}}),
          sample("ii->i", {{3, 3}}),                  sample("ii", {{3, 3}}),
          sample("i,j->ij", {{2}, {3}}),              sample("i,i", {{4}, {4}}),
          sample("...ij,...jk->...ik", {{2, 1, 2, 3}, {3, 3, 2}}),
          sample("bqhd,bkhd->bhqk", {{1, 2, 2, 3}, {1, 3, 2, 3}}),
          sample("ij,jk,kl->il", {{2, 3}, {3, 2}, {2, 2}}),
          sample("ijk,jil->kl", {{2, 3, 2}, {3, 2, 2}})};
}

}  // namespace

void define_einsum_ops(OpTable& table) {
  table.define({
      .name = "einsum",
      .cls = OpClass::composite,
      .min_inputs = 1,
      .max_inputs = -1,
      .doc = "Einstein summation: products of operands, summed over labels not in the output.",
      .infer = infer_einsum,
      .expand = expand_einsum,
      .batch = rows_mix,
      .samples = einsum_samples,
  });
}

Tensor einsum(std::string_view equation, std::span<const Tensor> operands, Location where) {
  static const OpDef& op = find_op("einsum");
  return apply1(op, {{"equation", std::string(equation)}}, operands, where);
}

Tensor einsum(std::string_view equation, std::initializer_list<Tensor> operands, Location where) {
  return einsum(equation, std::span<const Tensor>(operands.begin(), operands.size()), where);
}

}  // namespace ingrad
