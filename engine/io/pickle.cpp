// SPDX-License-Identifier: Apache-2.0
#include "engine/io/pickle.h"

#include <fmt/format.h>

#include <bit>
#include <unordered_map>

#include "engine/io/byte_reader.h"

namespace ingrad {
namespace {

using Kind = PickleValue::Kind;

// The stack machine that the format describes; opcodes by their letters in Python's pickletools.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::string_view what, Location where)
      : in_(bytes, what, where) {}

  PickleFile run() {
    while (true) {
      const auto code = in_.little<std::uint8_t>("opcodes");
      if (code == '.') break;
      step(code);
    }
    file_.root = pop();
    return std::move(file_);
  }

 private:
  PickleValue* make(Kind kind) {
    file_.values.emplace_back().kind = kind;
    return &file_.values.back();
  }
  void push(PickleValue* value) { stack_.push_back(value); }
  PickleValue* pop() {
    if (stack_.empty() || stack_.back() == nullptr) in_.fail("damaged pickle: the stack is empty");
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue* top(Kind a, Kind b) const {
    if (stack_.empty() || stack_.back() == nullptr ||
        (stack_.back()->kind != a && stack_.back()->kind != b)) {
      in_.fail("damaged pickle: items for something that takes none");
    }
    return stack_.back();
  }
  // What lies above the last mark, which is removed too.
  std::vector<const PickleValue*> pop_to_mark() {
    std::size_t mark = stack_.size();
    while (mark > 0 && stack_[mark - 1] != nullptr) --mark;
    if (mark == 0) in_.fail("damaged pickle: there is no mark");
    std::vector<const PickleValue*> items(stack_.begin() + static_cast<std::ptrdiff_t>(mark),
                                          stack_.end());
    stack_.resize(mark - 1);
    return items;
  }

  void push_integer(std::int64_t value, Kind kind = Kind::integer) {
    PickleValue* v = make(kind);
    v->integer = value;
    push(v);
  }
  void push_text(std::uint64_t size) {
    PickleValue* v = make(Kind::text);
    v->text = in_.take_text(size, "a text");
    push(v);
  }
  void push_tuple(std::size_t count) {
    PickleValue* v = make(Kind::tuple);
    v->items.resize(count);
    for (std::size_t i = count; i-- > 0;) v->items[i] = pop();
    push(v);
  }
  void push_pair(Kind kind, PickleValue* a, PickleValue* b) {
    PickleValue* v = make(kind);
    v->items = {a, b};
    push(v);
  }
  std::string line() {
    std::string text;
    while (true) {
      const auto c = static_cast<char>(in_.little<std::uint8_t>("a name"));
      if (c == '\n') return text;
      text += c;
    }
  }
  void append(PickleValue* to, const std::vector<const PickleValue*>& items, bool pairs) {
    if (pairs && items.size() % 2 != 0) in_.fail("damaged pickle: a key without a value");
    to->items.insert(to->items.end(), items.begin(), items.end());
  }
  void remember(std::uint32_t slot) {
    PickleValue* v = pop();
    push(v);
    memo_[slot] = v;
  }
  void recall(std::uint32_t slot) {
    const auto it = memo_.find(slot);
    if (it == memo_.end()) in_.fail("damaged pickle: a value is recalled that was not kept");
    push(it->second);
  }
  void push_long(std::size_t size) {
    if (size > 8) in_.fail(fmt::format("an integer of {} bytes, at most 8 are supported", size));
    std::uint64_t value = 0;
    const auto bytes = in_.take(size, "an integer");
    for (std::size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<unsigned>(bytes[i]);
    if (size > 0 && size < 8 && (bytes.back() & std::byte{0x80}) != std::byte{0}) {
      value |= ~std::uint64_t{0} << (8 * size);
    }
    push_integer(std::bit_cast<std::int64_t>(value));
  }
  void push_global(std::string name) {
    PickleValue* v = make(Kind::global);
    v->text = std::move(name);
    push(v);
  }
  void call() {
    PickleValue* arguments = pop();
    PickleValue* function = pop();
    if (!arguments->is(Kind::tuple)) in_.fail("damaged pickle: a call without a tuple");
    // The one class of plain data: an empty ordered dictionary, filled afterwards.
    if (function->is(Kind::global) && function->text == "collections OrderedDict" &&
        arguments->items.empty()) {
      push(make(Kind::dict));
    } else {
      push_pair(Kind::call, function, arguments);
    }
  }

  void step(std::uint8_t code) {
    constexpr std::string_view kOf = "opcodes";
    switch (code) {
      case 0x80: {
        const auto protocol = in_.little<std::uint8_t>(kOf);
        if (protocol < 2 || protocol > 4) {
          in_.fail(fmt::format("pickle protocol {}, expected 2 to 4", protocol));
        }
        break;
      }
      case 0x95: in_.take(8, "a frame"); break;  // lengths of frames are for streams
      case '(': push(nullptr); break;
      case 'N': push(make(Kind::none)); break;
      case 0x88: push_integer(1, Kind::boolean); break;
      case 0x89: push_integer(0, Kind::boolean); break;
      case 'K': push_integer(in_.little<std::uint8_t>(kOf)); break;
      case 'M': push_integer(in_.little<std::uint16_t>(kOf)); break;
      case 'J': push_integer(std::bit_cast<std::int32_t>(in_.little<std::uint32_t>(kOf))); break;
      case 0x8a: push_long(in_.little<std::uint8_t>(kOf)); break;
      case 'G':
        push(make(Kind::real));
        stack_.back()->real = std::bit_cast<double>(in_.big<std::uint64_t>(kOf));
        break;
      case 'X': push_text(in_.little<std::uint32_t>(kOf)); break;
      case 0x8c: push_text(in_.little<std::uint8_t>(kOf)); break;
      case ')': push_tuple(0); break;
      case 0x85: push_tuple(1); break;
      case 0x86: push_tuple(2); break;
      case 0x87: push_tuple(3); break;
      case 't': {
        auto items = pop_to_mark();
        push(make(Kind::tuple));
        stack_.back()->items = std::move(items);
        break;
      }
      case ']': push(make(Kind::list)); break;
      case '}': push(make(Kind::dict)); break;
      case 'a': {
        const PickleValue* item = pop();
        append(top(Kind::list, Kind::list), {item}, false);
        break;
      }
      case 'e': {
        const auto items = pop_to_mark();
        append(top(Kind::list, Kind::list), items, false);
        break;
      }
      case 's': {
        const PickleValue* value = pop();
        const PickleValue* key = pop();
        append(top(Kind::dict, Kind::dict), {key, value}, true);
        break;
      }
      case 'u': {
        const auto items = pop_to_mark();
        append(top(Kind::dict, Kind::dict), items, true);
        break;
      }
      case 'q': remember(in_.little<std::uint8_t>(kOf)); break;
      case 'r': remember(in_.little<std::uint32_t>(kOf)); break;
      case 0x94: remember(static_cast<std::uint32_t>(memo_.size())); break;
      case 'h': recall(in_.little<std::uint8_t>(kOf)); break;
      case 'j': recall(in_.little<std::uint32_t>(kOf)); break;
      case 'c': {
        const std::string module = line();
        push_global(module + " " + line());
        break;
      }
      case 0x93: {
        const PickleValue* name = pop();
        const PickleValue* module = pop();
        push_global(module->text + " " + name->text);
        break;
      }
      case 'Q': {
        PickleValue* v = make(Kind::persistent);
        v->items = {pop()};
        push(v);
        break;
      }
      case 'R': call(); break;
      case 'b':  // attributes of the object below
        pop();
        push(pop());
        break;
      default:
        in_.fail(fmt::format("pickle opcode {:#04x} at byte {}: only plain data are read", code,
                             in_.position() - 1));
    }
  }

  ByteReader in_;
  PickleFile file_;
  std::vector<PickleValue*> stack_;  // null: a mark
  std::unordered_map<std::uint32_t, PickleValue*> memo_;
};

}  // namespace

PickleFile parse_pickle(std::span<const std::byte> bytes, std::string_view what, Location where) {
  return Machine(bytes, what, where).run();
}

}  // namespace ingrad
