// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/separability.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "engine/ops/slice.h"

namespace ingrad {
namespace {

// How a value relates to rows.
enum class Rows : std::uint8_t {
  none,      // no row axis: the same for all rows
  repeated,  // a row axis along which all is the same
  own,       // row i depends on row i of the inputs
};
// A value may have several rows for each row of the inputs, one after the other (points of a path,
// tokens of a sequence): "row i" then means that block of them.

// Equal shapes and values. NaN differs from itself, which errs on the safe side.
bool same_values(const Tensor& a, const Tensor& b) {
  if (a.same_as(b)) return true;
  return a.shape() == b.shape() && a.to_vector<double>() == b.to_vector<double>();
}

Tensor first_row(const Tensor& t) { return select(t, 0, 0); }

// Are all rows of a constant the same?
bool repeats(const Tensor& t) {
  if (t.size() == 0 || t.strides()[0] == 0) return true;
  const auto values = t.to_vector<double>();
  const auto row = static_cast<std::ptrdiff_t>(t.size() / t.shape()[0]);
  for (auto it = values.begin() + row; it != values.end(); it += row) {
    if (!std::equal(it, it + row, values.begin())) return false;
  }
  return true;
}

class Proof {
 public:
  Proof(const Program& a, const Program& b) : a_(a), b_(b), state_(a.specs.size(), Rows::none) {}

  void run(Location where) {
    bool same = a_.specs.size() == b_.specs.size() && a_.calls.size() == b_.calls.size();
    for (std::size_t i = 0; same && i < a_.calls.size(); ++i) {
      same = a_.calls[i].op == b_.calls[i].op && a_.calls[i].inputs == b_.calls[i].inputs;
    }
    if (!same) {
      throw Error("compile: the function calls other ops for another number of rows", where);
    }
    for (const int v : a_.inputs) at(v) = Rows::own;
    for (std::size_t v = 0; v < a_.specs.size(); ++v) {
      if (a_.constants[v].defined()) constant(static_cast<int>(v), where);
    }
    for (std::size_t i = 0; i < a_.calls.size(); ++i) visit(a_.calls[i], b_.calls[i]);
    for (std::size_t i = 0; i < a_.outputs.size(); ++i) {
      const int v = a_.outputs[i];
      if (at(v) != Rows::none && rows_of(a_, v) == rows_of(a_, a_.inputs[0])) continue;
      throw Error(fmt::format("compile: output {} is {}, {}; expected a row for every row of the "
                              "inputs",
                              i, a_.spec(v).str(),
                              at(v) == Rows::none ? "without an axis of rows" : "with several"),
                  where);
    }
  }

 private:
  Rows& at(int v) { return state_[static_cast<std::size_t>(v)]; }

  static std::int64_t rows_of(const Program& p, int v) { return p.spec(v).shape[0]; }

  [[noreturn]] static void refuse(const ProgramCall& call, const std::string& why) {
    throw Error(fmt::format("compile: {} {}: rows cannot be computed apart", call.op->name, why),
                call.where);
  }

  // Does axis 0 depend on the number of rows? `bad` when another one does.
  bool has_rows(int v, bool& bad) const {
    const Shape &s = a_.spec(v).shape, &t = b_.spec(v).shape;
    bad = s.rank() != t.rank();
    for (int i = 1; !bad && i < s.rank(); ++i) bad = s[i] != t[i];
    return !bad && s.rank() > 0 && s[0] != t[0];
  }

  void constant(int v, Location where) {
    bool bad = false;
    if (has_rows(v, bad) && repeats(a_.constant(v)) && repeats(b_.constant(v)) &&
        same_values(first_row(a_.constant(v)), first_row(b_.constant(v)))) {
      at(v) = Rows::repeated;
    } else if (bad || !same_values(a_.constant(v), b_.constant(v))) {
      throw Error(fmt::format("compile: a constant {} depends on the number of rows (a mean over "
                              "rows, or values that should be an input)",
                              a_.spec(v).str()),
                  where);
    }
  }

  void visit(const ProgramCall& call, const ProgramCall& other) {
    bool own = false, rows = false;
    for (const int v : call.inputs) {
      own = own || at(v) == Rows::own;
      rows = rows || at(v) != Rows::none;
    }
    for (std::size_t i = 0; i < call.attrs.items().size(); ++i) {
      const Attr &x = call.attrs.items()[i].second, &y = other.attrs.items()[i].second;
      if (!std::holds_alternative<Attr::Ints>(x.value()) && !(x == y)) {
        refuse(call, fmt::format("has another {} for another number of rows",
                                 call.attrs.items()[i].first));
      }
    }
    if (rows && !table_lookup(call) && !regroups(call)) {
      std::vector<TensorSpec> specs;
      for (const int v : call.inputs) specs.push_back(a_.spec(v));
      const BatchBehaviour b =
          call.op->batch ? call.op->batch(call.attrs, specs) : BatchBehaviour::mixes_rows;
      if (b != BatchBehaviour::per_row) refuse(call, "mixes rows");
    }
    for (const int v : call.outputs) {
      bool bad = false;
      const bool varies = has_rows(v, bad);
      if (bad) refuse(call, "gives a result with rows along an axis other than 0");
      if (rows && !varies) refuse(call, "gives a result without an axis of rows");
      at(v) = own ? Rows::own : varies ? Rows::repeated : Rows::none;
    }
  }

  // Rows of a table that is the same for all, picked by an index per row.
  bool table_lookup(const ProgramCall& call) {
    if (call.op->name != "embedding" && call.op->name != "index_select") return false;
    return std::any_of(call.inputs.begin(), call.inputs.end(),
                       [&](int v) { return at(v) == Rows::none; });
  }

  // A reshape that makes blocks of rows, or takes them apart: in row-major order the block of every
  // row of the inputs stays where it is.
  bool regroups(const ProgramCall& call) const {
    if (call.op->name != "reshape") return false;
    const auto whole_blocks = [](const Program& p, int v) {
      const std::int64_t rows = rows_of(p, p.inputs[0]);
      return p.spec(v).shape.rank() > 0 && rows_of(p, v) % rows == 0;
    };
    return whole_blocks(a_, call.inputs[0]) && whole_blocks(a_, call.outputs[0]) &&
           whole_blocks(b_, call.inputs[0]) && whole_blocks(b_, call.outputs[0]);
  }

  const Program& a_;
  const Program& b_;
  std::vector<Rows> state_;
};

}  // namespace

void require_separable(const Program& a, const Program& b, Location where) {
  Proof(a, b).run(where);
}

}  // namespace ingrad
