// SPDX-License-Identifier: Apache-2.0
// Max pooling over 2 x 2 windows whose positions serve only its own gradient keeps a byte per
// window instead of a 64-bit position, and the gradient becomes one pass that writes every element
// once. If the gradient of ReLU on the pooled tensor follows, it comes for free: the largest
// element of a window is positive exactly if the pooled value is.
#include <algorithm>
#include <optional>

#include "engine/plan/fused_ops.h"
#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"

namespace ingrad {
namespace {

bool is_pair_pool(const Program& p, const ProgramCall& c) {
  if (c.op->name != "max_pool" || p.spec(c.inputs[0]).dtype != DType::f32 ||
      p.spec(c.inputs[0]).shape.rank() != 4 || c.attrs.flag("ceil_mode")) {
    return false;
  }
  const auto all = [&](const char* name, std::int64_t value) {
    const Attr::Ints& v = c.attrs.ints(name);
    return std::all_of(v.begin(), v.end(), [&](auto x) { return x == value; });
  };
  return all("kernel", 2) && all("stride", 2) && all("padding", 0) && all("dilation", 1);
}

// The calls that carry the gradient back through a pooling.
struct Way {
  const ProgramCall* pool;
  int cotangent;     // of the pooled values
  bool gated;        // the gradient of ReLU follows
  std::size_t last;  // the call whose result is the gradient of the pooling's input
  std::vector<std::size_t> gone;
};

class Search {
 public:
  explicit Search(const Program& p) : p_(p), uses_(p) {}

  // reshape(positions) and reshape(cotangent), scatter_sum, reshape back[, relu_grad].
  std::optional<Way> from(std::size_t scatter) const {
    const ProgramCall& s = p_.calls[scatter];
    if (s.op->name != "scatter_sum" || s.attrs.integer("axis") != 2) return {};
    const int flat_positions = uses_.producer(s.inputs[0]), flat = uses_.producer(s.inputs[1]);
    const int back = uses_.only_reader(s.outputs[0]);
    if (flat_positions < 0 || flat < 0 || back < 0) return {};
    const ProgramCall &rp = call(flat_positions), &rg = call(flat), &rb = call(back);
    if (rp.op->name != "reshape" || rg.op->name != "reshape" || rb.op->name != "reshape") return {};
    const int pool = uses_.producer(rp.inputs[0]);
    if (pool < 0 || !is_pair_pool(p_, call(pool)) || call(pool).outputs[1] != rp.inputs[0]) {
      return {};
    }
    const ProgramCall& c = call(pool);
    if (uses_.readers(c.outputs[1]) != 1 || uses_.readers(rp.outputs[0]) != 1) return {};
    if (p_.spec(rg.inputs[0]) != p_.spec(c.outputs[0]) ||
        p_.spec(rb.outputs[0]) != p_.spec(c.inputs[0])) {
      return {};
    }
    Way way{&c, rg.inputs[0], false, static_cast<std::size_t>(back), {scatter, as(flat_positions)}};
    if (uses_.readers(rg.outputs[0]) == 1) way.gone.push_back(as(flat));
    const int gate = uses_.only_reader(rb.outputs[0]);
    if (gate >= 0 && call(gate).op->name == "relu_grad" && call(gate).inputs[0] == c.inputs[0] &&
        call(gate).inputs[1] == rb.outputs[0]) {
      way.gated = true;
      way.gone.push_back(way.last);
      way.last = as(gate);
    }
    return way;
  }

 private:
  static std::size_t as(int i) { return static_cast<std::size_t>(i); }
  const ProgramCall& call(int i) const { return p_.calls[as(i)]; }
  const Program& p_;
  ValueUses uses_;
};

}  // namespace

void use_pair_pools(Program& program, const PassContext&) {
  const Search search(program);
  std::vector<Way> ways;
  std::vector<char> gone(program.calls.size(), 0);
  for (std::size_t i = 0; i < program.calls.size(); ++i) {
    if (const auto way = search.from(i)) {
      ways.push_back(*way);
      for (const std::size_t g : way->gone) gone[g] = 1;
    }
  }
  Rewriter rewriter(program);
  for (std::size_t i = 0; i < program.calls.size(); ++i) {
    const ProgramCall& c = program.calls[i];
    if (gone[i]) continue;
    const auto forward =
        std::find_if(ways.begin(), ways.end(), [&](const Way& w) { return w.pool == &c; });
    const auto backward =
        std::find_if(ways.begin(), ways.end(), [&](const Way& w) { return w.last == i; });
    if (forward != ways.end()) {
      // The second output, until now positions, becomes codes: a value of another dtype.
      const auto out = rewriter.emit(pair_pool_form(), {{"gated", forward->gated}},
                                     {rewriter.now(c.inputs[0])}, c.where);
      rewriter.replace(c.outputs[0], out[0]);
      rewriter.replace(c.outputs[1], out[1]);
    } else if (backward != ways.end()) {
      const Way& w = *backward;
      const Shape& s = program.spec(c.outputs[0]).shape;
      rewriter.keep_as(c, pair_pool_grad_form(), {{"size", Attr::Ints{s[2], s[3]}}},
                       {rewriter.now(w.pool->outputs[1]), rewriter.now(w.cotangent)});
    } else {
      rewriter.keep(c);
    }
  }
  program = rewriter.finish();
}

}  // namespace ingrad
