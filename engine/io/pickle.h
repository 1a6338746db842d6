// SPDX-License-Identifier: Apache-2.0
// Python's pickle format, as far as plain data need it. Nothing is imported or called: names of
// classes and functions stay names, and a call stays a record of what would be called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace ingrad {

struct PickleValue {
  // global: `text` is "module name". call: items are the function and its arguments (a tuple).
  // persistent: items[0] is the id. dict: items are keys and values in turn.
  enum class Kind {
    none,
    boolean,
    integer,
    real,
    text,
    tuple,
    list,
    dict,
    global,
    call,
    persistent
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  // also of booleans
  double real = 0;
  std::string text;
  std::vector<const PickleValue*> items;

  bool is(Kind k) const { return kind == k; }
  bool is_call_of(std::string_view function) const {
    return kind == Kind::call && items[0]->kind == Kind::global && items[0]->text == function;
  }
};

// All values live here; they may refer to each other in any way, also in circles.
struct PickleFile {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
};

// Protocols 2 to 4, the opcodes of plain data, calls, persistent ids and the state of objects
// (which is read and dropped). Error: any other opcode, damaged or truncated data.
PickleFile parse_pickle(std::span<const std::byte> bytes, std::string_view what = "pickle",
                        Location where = Location::current());

}  // namespace ingrad
