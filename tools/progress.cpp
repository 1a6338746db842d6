// SPDX-License-Identifier: Apache-2.0
#include "tools/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace ingrad::tools {
namespace {

constexpr double kShortest = 2;       // seconds; what is quicker shows nothing
constexpr double kFirstLook = 0.5;    // when the duration is first estimated
constexpr double kRedraw = 0.1;       // of the bar
constexpr double kFirstLine = 10;     // without a terminal
constexpr double kLongestPause = 60;  // pauses between lines double up to this
constexpr std::size_t kBar = 24;

double rate_of(const ProgressState& s) {
  return s.seconds > 0 ? static_cast<double>(s.done - s.first) / s.seconds : 0;
}

double fraction_of(const ProgressState& s) {
  if (s.total <= 0) return 0;
  return std::clamp(static_cast<double>(s.done) / static_cast<double>(s.total), 0.0, 1.0);
}

double seconds_left(const ProgressState& s) {
  const double rate = rate_of(s);
  return rate > 0 ? static_cast<double>(std::max<std::int64_t>(s.total - s.done, 0)) / rate : 0;
}

std::string figures(const ProgressState& s) {
  const double rate = rate_of(s);
  std::string text = fmt::format("{:3.0f}%", std::floor(100 * fraction_of(s)));
  if (rate > 0) {
    text += fmt::format("  {:.{}f} {}/s  {} left", rate, rate < 10 ? 1 : 0, s.unit,
                        format_duration(seconds_left(s)));
  }
  if (!s.extra.empty()) text += "  " + s.extra;
  return text;
}

bool stderr_is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

std::size_t stderr_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

auto after(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}

}  // namespace

std::string format_duration(double seconds) {
  const auto s = static_cast<std::int64_t>(std::ceil(std::max(seconds, 0.0)));
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string progress_bar(const ProgressState& state, std::size_t width) {
  const auto full = static_cast<std::size_t>(fraction_of(state) * static_cast<double>(kBar));
  std::string bar(full, '=');
  if (full < kBar) bar += '>';
  bar.resize(kBar, ' ');
  return fmt::format("{}  [{}] {}", state.what, bar, figures(state)).substr(0, width);
}

std::string progress_line(const ProgressState& state) {
  return fmt::format("{}: {} of {} {}, {}", state.what, state.done, state.total, state.unit,
                     figures(state));
}

Progress::Progress(const Session& session, std::string what, std::int64_t total, std::string unit,
                   std::int64_t first)
    : shown_(!session.common.json && !session.common.quiet),
      terminal_(shown_ && stderr_is_terminal()),
      state_{std::move(what), std::move(unit), first, total, 0, first, {}},
      next_(start_ + after(terminal_ ? kFirstLook : kFirstLine)),
      pause_(terminal_ ? kRedraw : kFirstLine) {}

Progress::~Progress() {
  if (drawn_ && terminal_) fmt::print(stderr, "\r\x1b[K");
}

void Progress::update(std::int64_t done, const std::string& extra) {
  if (!shown_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  state_.done = done;
  state_.seconds = std::chrono::duration<double>(now - start_).count();
  state_.extra = extra;
  next_ = now + after(pause_);
  if (!drawn_ && state_.seconds + seconds_left(state_) < kShortest) return;
  drawn_ = true;
  if (terminal_) {
    fmt::print(stderr, "\r{}\x1b[K", progress_bar(state_, stderr_width() - 1));
  } else {
    fmt::print(stderr, "{}\n", progress_line(state_));
    pause_ = std::min(2 * pause_, kLongestPause);
    next_ = now + after(pause_);
  }
  std::fflush(stderr);
}

}  // namespace ingrad::tools
