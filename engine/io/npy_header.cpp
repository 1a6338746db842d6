// SPDX-License-Identifier: Apache-2.0
#include "engine/io/npy_header.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "engine/io/byte_reader.h"
#include "engine/shape.h"

namespace ingrad {
namespace {

class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view what, Location where)
      : text_(text), what_(what), where_(where) {}

  NpyHeader parse() {
    std::optional<std::string> descr;
    std::optional<bool> fortran;
    std::optional<std::vector<std::int64_t>> shape;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        descr = quoted();
      } else if (key == "fortran_order" && !fortran) {
        fortran = boolean();
      } else if (key == "shape" && !shape) {
        shape = tuple();
      } else {
        fail(fmt::format("unknown or repeated key '{}'", printable(key)));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (at_ != text_.size()) fail("text after the closing brace");
    if (!descr || !fortran || !shape) fail("lacks one of descr, fortran_order, shape");
    return {*descr, *fortran, *shape};
  }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(fmt::format("{}: NPY header \"{}\", at character {}: {}", what_,
                            printable(text_, 200), at_, problem),
                where_);
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("expected '{}'", c));
  }

  std::string quoted() {
    skip_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail("expected a quoted text (records are not supported)");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("a quote is not closed");
    std::string result(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return result;
  }

  bool boolean() {
    skip_blanks();
    for (const auto& [word, value] :
         {std::pair{std::string_view("True"), true}, std::pair{std::string_view("False"), false}}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    fail("expected True or False");
  }

  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> extents;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      std::int64_t n = 0;
      const char* begin = text_.data() + at_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), n);
      if (error != std::errc() || n < 0) fail("expected an extent from 0 to 2^63 - 1");
      at_ += static_cast<std::size_t>(end - begin);
      accept('L');  // Python 2 marks long integers
      if (extents.size() == static_cast<std::size_t>(kMaxRank)) {
        fail(fmt::format("more than {} axes", kMaxRank));
      }
      extents.push_back(n);
      if (accept(',')) continue;
      // (3) is a number in Python, not a tuple.
      if (extents.size() == 1) fail("expected ',' after a single extent");
      expect(')');
      break;
    }
    return extents;
  }

  std::string_view text_, what_;
  Location where_;
  std::size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text, std::string_view what, Location where) {
  return HeaderParser(text, what, where).parse();
}

}  // namespace ingrad
