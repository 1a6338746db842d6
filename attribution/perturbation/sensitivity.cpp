// SPDX-License-Identifier: Apache-2.0
// Global sensitivity of f to the cells of a picture: Sobol indices and HSIC.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/moments.h"
#include "attribution/perturbation/masked_pictures.h"
#include "attribution/perturbation/masks.h"
#include "engine/random.h"

namespace ingrad {
namespace {

constexpr std::uint64_t kSobolStream = 0x736f626f6c;  // "sobol"
constexpr std::uint64_t kHsicStream = 0x68736963;     // "hsic"

// Points x columns in [0, 1): every column has one value in each of `points` equal intervals.
std::vector<float> latin_hypercube(std::int64_t points, std::int64_t columns, std::uint64_t seed,
                                   std::uint64_t stream, std::uint64_t draw) {
  std::vector<float> table(static_cast<std::size_t>(points * columns));
  for (std::int64_t j = 0; j < columns; ++j) {
    const auto column = static_cast<std::uint64_t>(j);
    const auto order =
        random_permutation(points, {seed, stream, column, draw}).to_vector<std::int64_t>();
    const Tensor u = random_uniform({1, points}, {seed, stream + 1, column, draw});
    for (std::int64_t p = 0; p < points; ++p) {
      const float within = u.data<float>()[p];
      table[static_cast<std::size_t>(p * columns + j)] =
          (static_cast<float>(order[static_cast<std::size_t>(p)]) + within) /
          static_cast<float>(points);
    }
  }
  return table;
}

// f of every draw, by sample.
std::vector<std::vector<double>> values_of(ExplainRun& run, MaskedPictures& pictures,
                                           std::int64_t draws, const MaskedPictures::Mask& mask) {
  std::vector<std::vector<double>> f(static_cast<std::size_t>(run.samples()));
  pictures.evaluate(draws, mask, [&](std::int64_t s, std::int64_t, double value) {
    f[static_cast<std::size_t>(s)].push_back(value);
  });
  run.result().steps.assign(f.size(), static_cast<int>(draws));
  return f;
}

// Maps of the mean over designs, with its standard error; `by_design` has cells of every design.
Attribution finish(ExplainRun& run, MaskedPictures& pictures, std::int64_t cells,
                   std::uint64_t seed,
                   const std::vector<std::vector<std::vector<double>>>& by_design) {
  std::vector<double> values, errors;
  std::vector<float> map(pictures.points());
  const auto spread = [&](const std::vector<double>& of_cells, std::vector<double>& to) {
    const std::vector<float> f(of_cells.begin(), of_cells.end());
    pictures.from_cells(f, map);
    to.insert(to.end(), map.begin(), map.end());
  };
  const auto count = static_cast<std::size_t>(cells * cells);
  for (const auto& designs : by_design) {
    Moments moments(count);
    int n = 0;
    for (const auto& d : designs) moments.add(0, d, ++n);
    spread(moments.mean(), values);
    spread(moments.error_of_mean(n), errors);
  }
  pictures.set_standard_error(errors);
  run.result().seed = seed;
  return pictures.finish(values);
}

double median_distance(const std::vector<double>& f) {
  std::vector<double> d;
  for (std::size_t i = 0; i < f.size(); ++i) {
    for (std::size_t j = i + 1; j < f.size(); ++j) d.push_back(std::abs(f[i] - f[j]));
  }
  if (d.empty()) return 0;
  const auto middle = d.begin() + static_cast<std::ptrdiff_t>(d.size() / 2);
  std::nth_element(d.begin(), middle, d.end());
  return *middle;
}

// (1 / (n - 1)^2) tr(K H L H) for each cell, K of its visibilities and L of f.
std::vector<double> hsic_of(const std::vector<float>& visible, std::size_t cells,
                            const std::vector<double>& f) {
  const std::size_t n = f.size();
  const double width = median_distance(f);
  std::vector<double> centred(n * n), mean(n);
  double all = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double d = f[i] - f[j];
      const double l = width > 0 ? std::exp(-d * d / (2 * width * width)) : (d == 0 ? 1.0 : 0.0);
      centred[i * n + j] = l;
      mean[i] += l / static_cast<double>(n);
    }
    all += mean[i] / static_cast<double>(n);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) centred[i * n + j] += all - mean[i] - mean[j];
  }
  std::vector<double> result(cells);
  const auto scale = static_cast<double>((n - 1) * (n - 1));
  for (std::size_t c = 0; c < cells; ++c) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        if (visible[i * cells + c] == visible[j * cells + c]) sum += centred[i * n + j];
      }
    }
    result[c] = sum / scale;
  }
  return result;
}

}  // namespace

Attribution explain_sobol(const ModelFn& model, const Tensor& x, const SobolOptions& o,
                          const ExplainOptions& options, Location where) {
  if (o.points < 2 || o.designs < 1) {
    throw Error(fmt::format("sobol: {} designs of {} points; expected at least 1 of at least 2",
                            o.designs, o.points),
                where);
  }
  ExplainRun run("sobol", model, x, options, where);
  MaskedPictures pictures(run, o.baselines, o.cells);
  const std::int64_t cells = o.cells * o.cells, points = o.points;
  // Draws of a design: A, B, then A with column j from B for every j. The same for all samples.
  std::vector<std::vector<float>> a, b;
  for (std::uint64_t d = 0; d < static_cast<std::uint64_t>(o.designs); ++d) {
    a.push_back(latin_hypercube(points, cells, o.seed, kSobolStream, 2 * d));
    b.push_back(latin_hypercube(points, cells, o.seed, kSobolStream, 2 * d + 1));
  }
  const std::int64_t of_design = points * (cells + 2);
  std::vector<float> row(static_cast<std::size_t>(cells));
  const auto f = values_of(run, pictures, o.designs * of_design,
                           [&](std::int64_t, std::int64_t draw, std::span<float> to) {
                             const auto d = static_cast<std::size_t>(draw / of_design);
                             const std::int64_t block = draw % of_design / points;
                             const auto at = draw % points * cells;
                             const auto& from = block == 1 ? b[d] : a[d];
                             std::copy_n(from.begin() + at, cells, row.begin());
                             if (block >= 2) {
                               row[static_cast<std::size_t>(block - 2)] =
                                   b[d][static_cast<std::size_t>(at + block - 2)];
                             }
                             pictures.from_cells(row, to);
                           });
  std::vector<std::vector<std::vector<double>>> by_design;
  const auto n = static_cast<std::size_t>(points);
  for (const std::vector<double>& of_sample : f) {
    std::vector<std::vector<double>> designs;
    for (std::size_t d = 0; d < a.size(); ++d) {
      const double* const v = of_sample.data() + d * static_cast<std::size_t>(of_design);
      double mean = 0, variance = 0;
      for (std::size_t i = 0; i < 2 * n; ++i) mean += v[i] / static_cast<double>(2 * n);
      for (std::size_t i = 0; i < 2 * n; ++i) {
        variance += (v[i] - mean) * (v[i] - mean) / static_cast<double>(2 * n - 1);
      }
      std::vector<double> index;
      for (std::size_t j = 0; j < static_cast<std::size_t>(cells); ++j) {
        double squares = 0;
        for (std::size_t p = 0; p < n; ++p) {
          const double difference = v[p] - v[(j + 2) * n + p];
          squares += difference * difference / static_cast<double>(n);
        }
        index.push_back(variance > 0 ? squares / (2 * variance) : 0);
      }
      designs.push_back(std::move(index));
    }
    by_design.push_back(std::move(designs));
  }
  return finish(run, pictures, o.cells, o.seed, by_design);
}

Attribution explain_hsic(const ModelFn& model, const Tensor& x, const HsicOptions& o,
                         const ExplainOptions& options, Location where) {
  if (o.masks < 2 || o.designs < 1) {
    throw Error(fmt::format("hsic: {} designs of {} masks; expected at least 1 of at least 2",
                            o.designs, o.masks),
                where);
  }
  ExplainRun run("hsic", model, x, options, where);
  MaskedPictures pictures(run, o.baselines, o.cells);
  const std::int64_t cells = o.cells * o.cells;
  std::vector<std::vector<float>> visible;
  for (std::uint64_t d = 0; d < static_cast<std::uint64_t>(o.designs); ++d) {
    visible.push_back(latin_hypercube(o.masks, cells, o.seed, kHsicStream, d));
    for (float& v : visible.back()) v = v < 0.5F ? 0 : 1;
  }
  const auto f =
      values_of(run, pictures, std::int64_t{o.designs} * o.masks,
                [&](std::int64_t, std::int64_t draw, std::span<float> to) {
                  const auto& design = visible[static_cast<std::size_t>(draw / o.masks)];
                  const auto at = static_cast<std::size_t>(draw % o.masks * cells);
                  pictures.from_cells({design.data() + at, static_cast<std::size_t>(cells)}, to);
                });
  std::vector<std::vector<std::vector<double>>> by_design;
  for (const std::vector<double>& of_sample : f) {
    std::vector<std::vector<double>> designs;
    for (std::size_t d = 0; d < visible.size(); ++d) {
      const auto first = of_sample.begin() + static_cast<std::ptrdiff_t>(d) * o.masks;
      designs.push_back(hsic_of(visible[d], static_cast<std::size_t>(cells),
                                std::vector<double>(first, first + o.masks)));
    }
    by_design.push_back(std::move(designs));
  }
  return finish(run, pictures, o.cells, o.seed, by_design);
}

}  // namespace ingrad
