// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/pad.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/ops/resample.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

constexpr std::string_view kModes[] = {"constant", "reflect", "replicate", "circular"};
std::string_view name_of(PadMode m) { return kModes[static_cast<std::size_t>(m)]; }

std::int64_t modulo(std::int64_t a, std::int64_t n) { return ((a % n) + n) % n; }

Tensor cropped(const Tensor& x, const std::vector<Padding>& padding, Location where) {
  std::vector<Slice> parts;
  for (std::size_t a = 0; a < padding.size(); ++a) {
    const std::int64_t n = x.shape()[static_cast<int>(a)];
    const std::int64_t first = std::max<std::int64_t>(-padding[a].before, 0);
    const std::int64_t last = n - std::max<std::int64_t>(-padding[a].after, 0);
    if (first > last) {
      throw Error(fmt::format("pad: [{}, {}] crops more than axis {} of {} has", padding[a].before,
                              padding[a].after, a, x.shape().str()),
                  where);
    }
    parts.push_back({first, last});
  }
  return slice(x, parts, where);
}

// How far a mode can reach beyond an axis of `n` elements.
std::int64_t reach(PadMode mode, std::int64_t n) {
  switch (mode) {
    case PadMode::reflect: return std::max<std::int64_t>(n - 1, 0);
    case PadMode::circular: return n;
    default: return n > 0 ? std::int64_t{1} << 40 : 0;
  }
}

// The element that stands at position `at` of an axis of `n` elements that goes on both ways.
std::int64_t source(PadMode mode, std::int64_t at, std::int64_t n) {
  switch (mode) {
    case PadMode::reflect: return at < 0 ? -at : at >= n ? 2 * (n - 1) - at : at;
    case PadMode::circular: return modulo(at, n);
    default: return std::clamp<std::int64_t>(at, 0, n - 1);
  }
}

}  // namespace

PadMode pad_mode_from_name(std::string_view name, Location where) {
  const auto* found = std::find(std::begin(kModes), std::end(kModes), name);
  if (found == std::end(kModes)) {
    throw Error(fmt::format("padding mode \"{}\" is unknown; expected constant, reflect, replicate "
                            "or circular",
                            name),
                where);
  }
  return static_cast<PadMode>(found - std::begin(kModes));
}

Tensor pad(const Tensor& x, const std::vector<Padding>& padding, PadMode mode, double value,
           Location where) {
  if (padding.size() > static_cast<std::size_t>(x.rank())) {
    throw Error(fmt::format("pad: {} paddings for {}, which has {} axes", padding.size(),
                            x.shape().str(), x.rank()),
                where);
  }
  std::vector<Padding> given = padding;
  given.resize(static_cast<std::size_t>(x.rank()));
  const bool crops = std::any_of(given.begin(), given.end(),
                                 [](const Padding& p) { return p.before < 0 || p.after < 0; });
  const Tensor inner = crops ? cropped(x, given, where) : x;
  for (Padding& p : given) {
    p = {std::max<std::int64_t>(p.before, 0), std::max<std::int64_t>(p.after, 0)};
  }
  if (mode == PadMode::constant) {
    std::vector<std::int64_t> before, after;
    for (const Padding& p : given) {
      before.push_back(p.before);
      after.push_back(p.after);
    }
    return embed(inner, before, after, {}, value, where);
  }
  std::vector<AxisMap> maps;
  for (int axis = 0; axis < inner.rank(); ++axis) {
    const auto [before, after] = given[static_cast<std::size_t>(axis)];
    if (before == 0 && after == 0) continue;
    const std::int64_t n = inner.shape()[axis];
    if (std::max(before, after) > reach(mode, n)) {
      throw Error(
          fmt::format("pad: {} by [{}, {}] needs more than the {} elements of axis {} of {}",
                      name_of(mode), before, after, n, axis, inner.shape().str()),
          where);
    }
    const std::int64_t first = before;
    maps.push_back({axis, moving_table(n, before + n + after, [=](std::int64_t j) {
                      return source(mode, j - first, n);
                    })});
  }
  return resample(inner, std::move(maps), where);
}

Tensor roll(const Tensor& x, IntList shifts, IntList axes, Location where) {
  if (axes.size() == 0 && shifts.size() == 1) {
    return reshape(roll(reshape(x, {-1}, where), shifts, {0}, where), x.shape(), where);
  }
  if (shifts.size() != axes.size()) {
    throw Error(fmt::format("roll: {} shifts for {} axes", shifts.size(), axes.size()), where);
  }
  std::vector<AxisMap> maps;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int axis = normalize_axis("roll", axes[i], x.rank(), where);
    const std::int64_t n = x.shape()[axis];
    if (n == 0) return x;
    const std::int64_t shift = modulo(shifts[i], n);
    maps.push_back(
        {axis, moving_table(n, n, [=](std::int64_t j) { return modulo(j - shift, n); })});
  }
  return resample(x, std::move(maps), where);
}

Tensor tile(const Tensor& x, IntList repeats, Location where) {
  Tensor y = x;
  while (static_cast<std::size_t>(y.rank()) < repeats.size()) y = unsqueeze(y, 0, where);
  const int skipped = y.rank() - static_cast<int>(repeats.size());
  std::vector<AxisMap> maps;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    if (repeats[i] < 0) {
      throw Error(fmt::format("tile: {} repeats; expected at least 0", repeats[i]), where);
    }
    const int axis = skipped + static_cast<int>(i);
    const std::int64_t n = y.shape()[axis];
    if (n > 0 && repeats[i] > (std::int64_t{1} << 40) / n) {
      throw Error(fmt::format("tile: {} repeats of axis {} of {} are too many", repeats[i], axis,
                              y.shape().str()),
                  where);
    }
    if (repeats[i] == 1) continue;
    maps.push_back({axis, moving_table(n, n * repeats[i], [n](std::int64_t j) { return j % n; })});
  }
  return resample(y, std::move(maps), where);
}

Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, std::int64_t axis, Location where) {
  const int a = normalize_axis("repeat_interleave", axis, x.rank(), where);
  const std::int64_t n = x.shape()[a];
  if (repeats < 0 || (n > 0 && repeats > (std::int64_t{1} << 40) / n)) {
    throw Error(
        fmt::format("repeat_interleave: {} repeats of axis {} of {}", repeats, a, x.shape().str()),
        where);
  }
  std::vector<AxisMap> maps;
  maps.push_back({a, moving_table(n, n * repeats, [=](std::int64_t j) { return j / repeats; })});
  return resample(x, std::move(maps), where);
}

}  // namespace ingrad
