// SPDX-License-Identifier: Apache-2.0
// Tables of text: aligned columns for people, CSV for programs.
#pragma once

#include <string>
#include <vector>

namespace ingrad::tools {

enum class Align { left, right };

class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell per column; Error otherwise. Cells are UTF-8, one line each.
  void add(std::vector<std::string> cells);

  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<std::vector<std::string>>& rows() const { return rows_; }

  // Titles, a rule and the rows, each line ending in "\n". Beyond `width` characters the last
  // column is broken between words and continued below itself; 0: no limit.
  std::string str(std::size_t width = 0) const;
  // RFC 4180: fields with commas, quotes or line ends are quoted.
  std::string csv() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Characters of a text in UTF-8.
std::size_t character_count(const std::string& text);
// Columns of the terminal that stdout is; 0 if it is none.
std::size_t terminal_width();

}  // namespace ingrad::tools
