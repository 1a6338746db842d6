// SPDX-License-Identifier: Apache-2.0
#include "engine/io/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "engine/io/byte_reader.h"
#include "engine/io/gzip.h"

namespace ingrad {
namespace {

using Row = std::vector<std::string>;

constexpr int kSniffedRows = 50;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class Lexer {
 public:
  Lexer(std::string_view text, char separator, bool trim, std::string_view what, Location where)
      : text_(text), separator_(separator), trim_(trim), what_(what), where_(where) {}

  int line() const { return line_; }

  // The next row that is not empty; false at the end.
  bool next(Row& row) {
    while (at_ < text_.size()) {
      row.clear();
      row_line_ = line_;
      while (field(row)) {
      }
      if (!row.empty()) return true;
    }
    return false;
  }
  int row_line() const { return row_line_; }

  [[noreturn]] void fail(int line, std::string_view problem) const {
    throw Error(fmt::format("{}, line {}: {}", what_, line, problem), where_);
  }

 private:
  bool blank_separated() const { return separator_ == ' '; }
  bool is_blank(char c) const { return c == ' ' || (c == '\t' && separator_ != '\t'); }
  bool at_line_end() const {
    return at_ == text_.size() || text_[at_] == '\n' ||
           (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
  }
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  void end_line() {
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size()) ++at_;
    ++line_;
  }

  // Appends one field; true if another one follows in the same row.
  bool field(Row& row) {
    if (trim_ || blank_separated()) skip_blanks();
    if (at_line_end() && (row.empty() || blank_separated())) {
      end_line();
      return false;
    }
    if (at_ < text_.size() && text_[at_] == '"') {
      row.push_back(quoted());
      skip_blanks();
      if (!at_line_end() && text_[at_] != separator_ &&
          !(blank_separated() && is_blank(text_[at_ - 1]))) {
        fail(line_, fmt::format("text after a closing quote in field {}", row.size()));
      }
    } else {
      row.push_back(plain());
    }
    if (blank_separated()) skip_blanks();
    if (at_line_end()) {
      end_line();
      return false;
    }
    if (!blank_separated()) ++at_;  // the separator
    return true;
  }

  std::string plain() {
    const std::size_t begin = at_;
    while (!at_line_end()) {
      const char c = text_[at_];
      if (c == separator_ || (blank_separated() && is_blank(c))) break;
      if (c == '\0') fail(line_, "a byte 0: this is no text");
      ++at_;
    }
    std::string_view value = text_.substr(begin, at_ - begin);
    while (trim_ && !value.empty() && is_blank(value.back())) value.remove_suffix(1);
    return std::string(value);
  }

  std::string quoted() {
    const int first_line = line_;
    std::string value;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') {
          ++at_;
          return value;
        }
        ++at_;
      } else if (c == '\n') {
        ++line_;
      } else if (c == '\0') {
        fail(line_, "a byte 0: this is no text");
      }
      value += c;
    }
    fail(first_line, "a quote is not closed");
  }

  std::string_view text_;
  char separator_;
  bool trim_;
  std::string_view what_;
  Location where_;
  std::size_t at_ = 0;
  int line_ = 1, row_line_ = 1;
};

char sniff_separator(std::string_view text, bool trim) {
  for (const char candidate : {'\t', ';', ',', ' '}) {
    Lexer lexer(text, candidate, trim, "", Location::current());
    Row row;
    std::size_t fields = 0;
    bool equal = true;
    try {
      for (int i = 0; i < kSniffedRows && equal && lexer.next(row); ++i) {
        if (i == 0) fields = row.size();
        equal = row.size() == fields;
      }
    } catch (const Error&) {
      equal = false;  // quotes do not fit this separator
    }
    if (equal && fields > 1) return candidate;
  }
  return ',';
}

bool sniff_header(const std::vector<Row>& rows) {
  if (rows.size() < 2) return false;
  const auto is_number = [](const std::string& f) { return parse_number(f).has_value(); };
  if (std::any_of(rows[0].begin(), rows[0].end(),
                  [&](const std::string& f) { return f.empty() || is_number(f); })) {
    return false;
  }
  const std::size_t sniffed = std::min<std::size_t>(rows.size(), kSniffedRows);
  for (std::size_t i = 1; i < sniffed; ++i) {
    if (std::any_of(rows[i].begin(), rows[i].end(), is_number)) return true;
  }
  return false;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || std::isnan(value)) return {};
  return value;
}

CsvTable parse_csv(std::string_view text, const CsvOptions& options, std::string_view what,
                   Location where) {
  if (options.separator &&
      std::string_view(",\t; ").find(*options.separator) == std::string_view::npos) {
    throw Error(fmt::format("csv: separator '{}', expected comma, tab, semicolon or blank",
                            printable({&*options.separator, 1})),
                where);
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  CsvTable table;
  table.source = what;
  table.separator = options.separator ? *options.separator : sniff_separator(text, options.trim);
  Lexer lexer(text, table.separator, options.trim, what, where);
  for (Row row; lexer.next(row);) {
    if (!table.rows.empty() && row.size() != table.rows[0].size()) {
      lexer.fail(lexer.row_line(), fmt::format("{} fields, expected {} as in the first row",
                                               row.size(), table.rows[0].size()));
    }
    table.rows.push_back(std::move(row));
  }
  table.has_header = options.header ? *options.header : sniff_header(table.rows);
  if (table.has_header) {
    if (table.rows.empty())
      throw Error(fmt::format("{}: no header line: it is empty", what), where);
    table.columns = std::move(table.rows.front());
    table.rows.erase(table.rows.begin());
  } else if (!table.rows.empty()) {
    for (std::size_t i = 0; i < table.rows[0].size(); ++i) {
      table.columns.push_back(std::to_string(i));
    }
  }
  if (!options.missing.empty()) {
    for (Row& row : table.rows) {
      for (std::string& f : row) {
        if (f == options.missing) f.clear();
      }
    }
  }
  return table;
}

CsvTable read_csv(const std::string& path, const CsvOptions& options, Location where) {
  const std::vector<std::byte> bytes = read_maybe_gzip(path, kInflateLimit, where);
  return parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, options, path,
                   where);
}

std::size_t CsvTable::column(std::string_view name, Location where) const {
  const auto it = std::find(columns.begin(), columns.end(), name);
  if (it == columns.end()) {
    std::string names;
    for (const std::string& c : columns) names += (names.empty() ? "" : ", ") + printable(c);
    throw Error(fmt::format("{}: no column '{}'; there are {}", source, name, names), where);
  }
  return static_cast<std::size_t>(it - columns.begin());
}

std::vector<double> CsvTable::numbers(std::size_t column, Location where) const {
  if (column >= columns.size()) {
    throw Error(fmt::format("{}: no column {}, there are {}", source, column, columns.size()),
                where);
  }
  std::vector<double> values;
  values.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string& text = rows[i][column];
    const auto value = text.empty() ? std::numeric_limits<double>::quiet_NaN() : parse_number(text);
    if (!value) {
      throw Error(fmt::format("{}, row {} of column '{}': \"{}\" is no number", source, i + 1,
                              printable(columns[column]), printable(text)),
                  where);
    }
    values.push_back(*value);
  }
  return values;
}

}  // namespace ingrad
