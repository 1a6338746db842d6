// SPDX-License-Identifier: Apache-2.0
#include "tools/table.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "engine/error.h"

namespace ingrad::tools {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 20;  // of a last column that is broken

std::string padded(const std::string& cell, std::size_t width, Align align) {
  const std::size_t length = character_count(cell);
  const std::string fill(width > length ? width - length : 0, ' ');
  return align == Align::left ? cell + fill : fill + cell;
}

// Broken between words; a word that is longer than `width` stays whole.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines{""};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t stop = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, stop - at);
    at = stop + 1;
    const std::size_t length = character_count(lines.back());
    if (length > 0 && length + 1 + character_count(word) > width) {
      lines.push_back(word);
    } else {
      if (length > 0) lines.back() += ' ';
      lines.back() += word;
    }
  }
  return lines;
}

std::string quoted(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string out = "\"";
  for (const char c : cell) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  if (cells.size() != columns_.size()) {
    throw Error(fmt::format("table: {} cells for {} columns", cells.size(), columns_.size()));
  }
  rows_.push_back(std::move(cells));
}

std::string Table::str(std::size_t width) const {
  if (columns_.empty()) return {};
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    widths.push_back(character_count(columns_[c].title));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], character_count(row[c]));
  }
  std::size_t before = 0;  // what stands left of the last column
  for (std::size_t c = 0; c + 1 < widths.size(); ++c) before += widths[c] + kGap;
  if (width > 0 && before + widths.back() > width) {
    widths.back() = std::min(widths.back(), std::max(width - std::min(width, before), kNarrowest));
  }

  std::string out;
  const auto add_line = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) line.append(kGap, ' ');
      line += padded(cell_of(c), widths[c], columns_[c].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  add_line([&](std::size_t c) { return columns_[c].title; });
  add_line([&](std::size_t c) { return std::string(widths[c], '-'); });
  for (const auto& row : rows_) {
    const auto last = wrapped(row.back(), widths.back());
    for (std::size_t i = 0; i < last.size(); ++i) {
      add_line([&](std::size_t c) {
        if (c + 1 == columns_.size()) return last[i];
        return i == 0 ? row[c] : std::string();
      });
    }
  }
  return out;
}

std::string Table::csv() const {
  std::string out;
  const auto add_line = [&](const auto& cell_of) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) out += ',';
      out += quoted(cell_of(c));
    }
    out += '\n';
  };
  add_line([&](std::size_t c) { return columns_[c].title; });
  for (const auto& row : rows_) {
    add_line([&](std::size_t c) { return row[c]; });
  }
  return out;
}

std::size_t character_count(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

}  // namespace ingrad::tools
