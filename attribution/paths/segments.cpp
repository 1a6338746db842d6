// SPDX-License-Identifier: Apache-2.0
#include "attribution/paths/segments.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "attribution/paths/gaussian_blur.h"

namespace ingrad {
namespace {

struct Edge {
  double weight;
  std::int32_t from, to;
};

// Sets of points that grow together, and the heaviest edge inside each.
class Forest {
 public:
  explicit Forest(std::size_t n) : parent_(n), size_(n, 1), inside_(n) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  std::int32_t root(std::int32_t i) {
    while (parent_[at(i)] != i) {
      parent_[at(i)] = parent_[at(parent_[at(i)])];
      i = parent_[at(i)];
    }
    return i;
  }
  void join(std::int32_t a, std::int32_t b, double weight) {
    if (size_[at(a)] < size_[at(b)]) std::swap(a, b);
    parent_[at(b)] = a;
    size_[at(a)] += size_[at(b)];
    inside_[at(a)] = std::max({inside_[at(a)], inside_[at(b)], weight});
  }
  int size(std::int32_t root) const { return size_[at(root)]; }
  double inside(std::int32_t root) const { return inside_[at(root)]; }

 private:
  static std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }
  std::vector<std::int32_t> parent_;
  std::vector<int> size_;
  std::vector<double> inside_;
};

std::vector<Edge> edges_of(const std::vector<double>& values, const Shape& row) {
  const std::int64_t channels = row[0], height = row[1], width = row[2];
  constexpr std::int64_t kSteps[][2] = {{0, 1}, {1, 0}, {1, 1}, {-1, 1}};
  std::vector<Edge> edges;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (const auto& [dy, dx] : kSteps) {
        if (y + dy < 0 || y + dy >= height || x + dx >= width) continue;
        const std::int64_t a = y * width + x, b = (y + dy) * width + x + dx;
        double total = 0;
        for (std::int64_t c = 0; c < channels; ++c) {
          const double d = values[static_cast<std::size_t>(c * height * width + a)] -
                           values[static_cast<std::size_t>(c * height * width + b)];
          total += d * d;
        }
        edges.push_back(
            {std::sqrt(total), static_cast<std::int32_t>(a), static_cast<std::int32_t>(b)});
      }
    }
  }
  std::ranges::stable_sort(edges, {}, &Edge::weight);
  return edges;
}

}  // namespace

std::vector<std::int32_t> felzenszwalb(std::span<const double> picture, const Shape& row,
                                       const FelzenszwalbOptions& o) {
  const std::vector<Edge> edges =
      edges_of(gaussian_blur(picture, row, o.sigma, BlurEdge::mirror), row);
  const auto points = static_cast<std::size_t>(row[1] * row[2]);
  Forest forest(points);
  const auto reach = [&](std::int32_t root) {
    return forest.inside(root) + o.scale / 255 / forest.size(root);
  };
  for (const Edge& e : edges) {
    const std::int32_t a = forest.root(e.from), b = forest.root(e.to);
    if (a != b && e.weight <= std::min(reach(a), reach(b))) forest.join(a, b, e.weight);
  }
  for (const Edge& e : edges) {
    const std::int32_t a = forest.root(e.from), b = forest.root(e.to);
    if (a != b && std::min(forest.size(a), forest.size(b)) < o.min_size) {
      forest.join(a, b, e.weight);
    }
  }
  std::vector<std::int32_t> numbers(points, -1), number_of_root(points, -1);
  std::int32_t count = 0;
  for (std::size_t i = 0; i < points; ++i) {
    std::int32_t& n =
        number_of_root[static_cast<std::size_t>(forest.root(static_cast<std::int32_t>(i)))];
    if (n < 0) n = count++;
    numbers[i] = n;
  }
  return numbers;
}

std::vector<Segment> segments_of(std::span<const std::int32_t> numbers) {
  std::vector<Segment> all;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto n = static_cast<std::size_t>(numbers[i]);
    if (n >= all.size()) all.resize(n + 1);
    all[n].push_back(static_cast<std::int32_t>(i));
  }
  std::erase_if(all, [](const Segment& s) { return s.empty(); });
  return all;
}

Segment dilated(const Segment& segment, std::int64_t height, std::int64_t width, int radius) {
  if (radius == 0) return segment;
  std::vector<char> covered(static_cast<std::size_t>(height * width));
  for (const std::int32_t point : segment) {
    const std::int64_t y = point / width, x = point % width;
    for (std::int64_t dy = -radius; dy <= radius; ++dy) {
      if (y + dy < 0 || y + dy >= height) continue;
      const auto half = static_cast<std::int64_t>(
          std::sqrt(static_cast<double>(std::int64_t{radius} * radius - dy * dy)));
      const std::int64_t first = std::max<std::int64_t>(x - half, 0);
      const std::int64_t last = std::min(x + half, width - 1);
      std::fill_n(covered.begin() + (y + dy) * width + first, last - first + 1, 1);
    }
  }
  Segment all;
  for (std::size_t i = 0; i < covered.size(); ++i) {
    if (covered[i] != 0) all.push_back(static_cast<std::int32_t>(i));
  }
  return all;
}

}  // namespace ingrad
