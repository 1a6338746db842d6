// SPDX-License-Identifier: Apache-2.0
// Tables of text: comma-, tab-, semicolon- or blank-separated values (RFC 4180 and its relatives).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace ingrad {

struct CsvOptions {
  // ',', '\t', ';' or ' ' (runs of blanks count as one); without: the one that gives the first
  // lines the same number of fields, at least two.
  std::optional<char> separator = {};
  // Without: the first line is a header if no field of it is a number or missing, and some field
  // below is a number.
  std::optional<bool> header = {};
  bool trim = true;          // blanks around fields that are not quoted
  std::string missing = "";  // a field that is this text, or empty, is missing
};

struct CsvTable {
  std::string source;                          // the file, for errors
  std::vector<std::string> columns;            // "0", "1", ... without a header
  std::vector<std::vector<std::string>> rows;  // missing fields are empty
  bool has_header = false;
  char separator = ',';

  // Position of a column; Error lists the names there are.
  std::size_t column(std::string_view name, Location where = Location::current()) const;
  // A column as numbers, NaN where missing; Error names row and text of what is no number.
  std::vector<double> numbers(std::size_t column, Location where = Location::current()) const;
};

// Quoted fields hold separators, line ends and "" for a quote. Lines end in LF or CRLF; empty lines
// are skipped. Error, naming file and line: rows of different lengths, quotes that are not closed
// or followed by text, bytes 0. Gzip files are read as they are.
CsvTable read_csv(const std::string& path, const CsvOptions& options = {},
                  Location where = Location::current());
CsvTable parse_csv(std::string_view text, const CsvOptions& options = {},
                   std::string_view what = "CSV text", Location where = Location::current());

// A finite or infinite decimal number that fills the text; nothing for any other text.
std::optional<double> parse_number(std::string_view text);

}  // namespace ingrad
