// SPDX-License-Identifier: Apache-2.0
// A classifier that reads one token of its last block, or a language model that scores the next
// token, needs only that token's row behind the last attention, and its gradient is zero for all
// others until it gets there: for six blocks an eighth of the work.
#include <map>
#include <utility>

#include "engine/plan/passes.h"
#include "engine/plan/regions.h"
#include "engine/plan/rewriter.h"

namespace ingrad {
namespace {

class Pruning {
 public:
  explicit Pruning(const Program& program)
      : p_(program), regions_(program), w_(program), narrow_(program.specs.size(), -1) {}

  Program run() {
    for (const ProgramCall& c : p_.calls) visit(c);
    for (const int v : p_.outputs) w_.replace(v, whole(v));
    return w_.finish();
  }

 private:
  int& narrow(int v) { return narrow_[static_cast<std::size_t>(v)]; }

  // The value with all its positions; for one that was computed in part the others are zero.
  int whole(int v) {
    const Region& r = regions_.of(v);
    if (r.whole()) return w_.now(v);
    const auto [at, is_new] = wholes_.try_emplace(v, -1);
    if (is_new) at->second = embedded(narrow(v), p_.spec(v).shape, r);
    return at->second;
  }

  int part(int v, const Region& r) {
    if (r.whole()) return whole(v);
    if (regions_.of(v) == r) return narrow(v);
    const auto [at, is_new] = parts_.try_emplace({v, r}, -1);
    if (is_new) at->second = sliced(whole(v), {r});
    return at->second;
  }

  int embedded(int v, const Shape& shape, const Region& r) {
    static const OpDef& embed = find_op("embed");
    const auto rank = static_cast<std::size_t>(shape.rank());
    Attr::Ints before(rank), after(rank), interior(rank);
    before[static_cast<std::size_t>(r.axis)] = r.begin;
    after[static_cast<std::size_t>(r.axis)] = shape[r.axis] - r.end;
    return w_.emit(embed,
                   {{"before", before}, {"after", after}, {"interior", interior}, {"value", 0.0}},
                   {v}, where_)[0];
  }

  int sliced(int v, std::initializer_list<Region> regions) {
    static const OpDef& slice = find_op("slice");
    const Shape& shape = w_.spec(v).shape;
    Attr::Ints starts(static_cast<std::size_t>(shape.rank())), steps(starts.size(), 1);
    Attr::Ints stops(shape.extents().begin(), shape.extents().end());
    for (const Region& r : regions) {
      starts[static_cast<std::size_t>(r.axis)] = r.begin;
      stops[static_cast<std::size_t>(r.axis)] = r.end;
    }
    return w_.emit(slice, {{"starts", starts}, {"stops", stops}, {"steps", steps}}, {v}, where_)[0];
  }

  void visit(const ProgramCall& c) {
    where_ = c.where;
    const int out = c.outputs[0];
    const Region& r = regions_.of(out);
    if (const auto taken = taken_by(p_, c); taken && regions_.of(c.inputs[0]) == *taken) {
      w_.replace(out, narrow(c.inputs[0]));
    } else if (c.op->name == "attention_grad" && narrows(c)) {
      w_.replace(out, attention_grad(c));
    } else if (r.whole()) {
      std::vector<int> inputs;
      for (const int v : c.inputs) inputs.push_back(whole(v));
      w_.keep_as(c, *c.op, c.attrs, std::move(inputs));
    } else if (c.op->name == "embed") {
      narrow(out) = whole(c.inputs[0]);
    } else if (c.op->name == "attention") {
      std::vector<int> inputs = heads(c, 0, r);
      narrow(out) = w_.emit(*c.op, alone(c), std::move(inputs), where_)[0];
    } else {
      narrow(out) = by_position(c, r);
    }
  }

  int by_position(const ProgramCall& c, const Region& r) {
    const std::vector<Region> reads = *read_for(p_, c, r);
    std::vector<int> inputs;
    for (std::size_t i = 0; i < reads.size(); ++i) inputs.push_back(part(c.inputs[i], reads[i]));
    Attrs attrs = c.attrs;
    if (c.op->name == "reshape") {
      Attr::Ints shape = attrs.ints("shape");
      shape[static_cast<std::size_t>(r.axis)] = r.extent();
      attrs.set("shape", std::move(shape));
    }
    return w_.emit(*c.op, attrs, std::move(inputs), where_)[0];
  }

  // ---- attention of some queries --------------------------------------------------------------
  // One query sees a number of keys, and among several nothing is hidden.
  static Attrs alone(const ProgramCall& c) {
    Attrs attrs = c.attrs;
    return attrs.set("causal", false);
  }
  Region keys(const ProgramCall& c, int k, const Region& queries) const {
    const std::int64_t all = p_.spec(k).shape[1];
    return {1, 0, c.attrs.flag("causal") ? std::min(queries.end, all) : all};
  }

  // Queries, keys and values for a region of queries; operands start at input `first`.
  std::vector<int> heads(const ProgramCall& c, std::size_t first, const Region& queries) {
    const int q = c.inputs[first];
    if (c.inputs.size() - first == 3) {
      const Region seen = keys(c, c.inputs[first + 1], queries);
      return {part(q, queries), sliced(whole(c.inputs[first + 1]), {seen}),
              sliced(whole(c.inputs[first + 2]), {seen})};
    }
    const Region seen = keys(c, q, queries);
    const std::int64_t kv = c.attrs.integer("kv_heads"), h = p_.spec(q).shape[2] - 2 * kv;
    const int qkv = whole(q);
    return {sliced(qkv, {queries, {2, 0, h}}), sliced(qkv, {seen, {2, h, h + kv}}),
            sliced(qkv, {seen, {2, h + kv, h + 2 * kv}})};
  }

  // Of the packed form: with several outputs nothing is narrowed.
  bool narrows(const ProgramCall& c) const {
    const Region& dy = regions_.of(c.inputs[0]);
    return c.inputs.size() == 2 && !dy.whole() && attends_alone(c, dy);
  }

  int attention_grad(const ProgramCall& c) {
    static const OpDef& concat = find_op("concat");
    const int dy = c.inputs[0], qkv = c.inputs[1];
    const Region queries = regions_.of(dy), seen = keys(c, qkv, queries);
    std::vector<int> inputs{narrow(dy)};
    for (const int v : heads(c, 1, queries)) inputs.push_back(v);
    std::vector<int> grads = w_.emit(*c.op, alone(c), std::move(inputs), where_);
    const Shape& shape = p_.spec(qkv).shape;
    grads[0] = embedded(grads[0], shape, queries);
    for (std::size_t i = 1; i < 3 && seen.extent() < shape[1]; ++i) {
      grads[i] = embedded(grads[i], shape, seen);
    }
    return w_.emit(concat, {{"axis", 2}}, std::move(grads), where_)[0];
  }

  const Program& p_;
  const Regions regions_;
  Rewriter w_;
  std::vector<int> narrow_;  // what was computed in part, as a new value
  std::map<int, int> wholes_;
  std::map<std::pair<int, Region>, int> parts_;
  Location where_;
};

}  // namespace

void prune(Program& program, const PassContext&) { program = Pruning(program).run(); }

}  // namespace ingrad
