// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/spatial.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/ops/reduction.h"
#include "engine/ops/shape.h"

namespace ingrad {
namespace {

constexpr std::int64_t kLimit = std::int64_t{1} << 31;

void require_range(std::string_view op, std::string_view name, std::span<const std::int64_t> v,
                   std::int64_t least, Location where) {
  for (const std::int64_t e : v) {
    if (e >= least && e < kLimit) continue;
    throw Error(fmt::format("{}: {} is [{}]; expected values from {} to {}", op, name,
                            fmt::join(v, ", "), least, kLimit - 1),
                where);
  }
}

}  // namespace

std::vector<std::int64_t> per_axis(std::string_view op, std::string_view name,
                                   std::span<const std::int64_t> given, int axes,
                                   std::int64_t least, std::span<const std::int64_t> fallback,
                                   Location where) {
  const auto n = static_cast<std::size_t>(axes);
  require_range(op, name, given, least, where);
  if (given.empty() && !fallback.empty()) return {fallback.begin(), fallback.end()};
  if (given.size() == 1) return std::vector<std::int64_t>(n, given[0]);
  if (given.size() == n) return {given.begin(), given.end()};
  throw Error(fmt::format("{}: {} has {} entries; expected {}{}", op, name, given.size(),
                          n == 1 ? "" : "1 or ", n),
              where);
}

std::vector<std::int64_t> per_axis(std::string_view op, std::string_view name,
                                   std::span<const std::int64_t> given, int axes,
                                   std::int64_t least, std::int64_t fallback, Location where) {
  const std::vector<std::int64_t> all(static_cast<std::size_t>(axes), fallback);
  return per_axis(op, name, given, axes, least, all, where);
}

const Attr::Ints& spatial_attr(std::string_view op, const Attrs& attrs, const char* name, int axes,
                               std::int64_t least, Location where) {
  const Attr::Ints& v = attrs.ints(name);
  if (static_cast<int>(v.size()) != axes) {
    throw Error(fmt::format("{}: {} has {} entries; expected {}", op, name, v.size(), axes), where);
  }
  require_range(op, name, v, least, where);
  return v;
}

Tensor Batched::restore(const Tensor& y, Location where) const {
  return added ? reshape(y, y.shape().without(0), where) : y;
}

Batched batched(std::string_view op, const Tensor& x, int axes, Location where) {
  for (const std::int64_t extent : x.shape()) {
    if (extent < kLimit) continue;
    throw Error(fmt::format("{}: input {} has an extent of {}; expected at most {}", op,
                            x.shape().str(), extent, kLimit - 1),
                where);
  }
  if (x.rank() == axes + 2) return {x, false};
  if (x.rank() == axes + 1) return {reshape(x, x.shape().with_inserted(0, 1), where), true};
  throw Error(fmt::format("{}: input {} has rank {}; expected {}, or {} without a batch axis", op,
                          x.shape().str(), x.rank(), axes + 2, axes + 1),
              where);
}

void require_spatial(std::string_view op, const TensorSpec& x, Location where) {
  require_floating(op, x, where);
  if (x.shape.rank() >= 3 && x.shape.rank() <= 5) return;
  throw Error(fmt::format("{}: input {} has rank {}; expected [N, C] and 1 to 3 spatial axes", op,
                          x.str(), x.shape.rank()),
              where);
}

std::int64_t count_windows(std::string_view op, std::int64_t in, const Windows& w, bool ceil_mode,
                           Location where) {
  const std::int64_t reach = (w.kernel - 1) * w.dilation + 1;
  if (w.padding > reach / 2) {
    throw Error(fmt::format("{}: padding {} is more than half of a window of {} points", op,
                            w.padding, reach),
                where);
  }
  const std::int64_t left = in + 2 * w.padding - reach + (ceil_mode ? w.stride - 1 : 0);
  std::int64_t n = left < 0 ? 0 : left / w.stride + 1;
  // A window that sees nothing but the padding behind is none.
  if (n > 1 && (n - 1) * w.stride >= in + w.padding) --n;
  if (in < 1 || n < 1) {
    throw Error(fmt::format("{}: a window of {} points does not fit into {} points padded by {}",
                            op, reach, in, w.padding),
                where);
  }
  return n;
}

AdaptiveWindow adaptive_window(std::int64_t t, std::int64_t in, std::int64_t out) {
  // floor(t in / out) and ceil((t + 1) in / out) without the products.
  const std::int64_t whole = in / out, part = in % out;
  return {t * whole + t * part / out, (t + 1) * whole + ((t + 1) * part + out - 1) / out};
}

std::vector<std::int64_t> adaptive_sizes(std::string_view op, const TensorSpec& x,
                                         std::span<const std::int64_t> sizes, Location where) {
  std::vector<std::int64_t> out(sizes.begin(), sizes.end());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t n = x.shape[static_cast<int>(i) + 2];
    if (n < 1) {
      throw Error(fmt::format("{}: input {} has no points along axis {}", op, x.str(), i + 2),
                  where);
    }
    if (out[i] == -1) out[i] = n;
  }
  return out;
}

}  // namespace ingrad
