// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "attribution/baseline_set.h"
#include "attribution/perturbation/ablation.h"
#include "attribution/run.h"

namespace ingrad {
namespace {

// The places of a window in a sample, and the elements that each covers.
class Windows {
 public:
  Windows(const OcclusionOptions& o, const Shape& row, Location where) : row_(row) {
    const auto axes = static_cast<std::size_t>(row.rank());
    std::vector<std::int64_t> stride = o.stride.empty() ? o.window : o.stride;
    bool fits = !o.window.empty() && o.window.size() <= axes && stride.size() == o.window.size();
    for (std::size_t i = 0; fits && i < o.window.size(); ++i) {
      const std::int64_t extent = row[static_cast<int>(axes - o.window.size() + i)];
      fits =
          o.window[i] >= 1 && o.window[i] <= extent && stride[i] >= 1 && stride[i] <= o.window[i];
    }
    if (!fits) {
      throw Error(fmt::format("occlusion: windows of [{}] at steps of [{}] in samples {}; expected "
                              "windows that fit into the last axes and steps that leave no gaps",
                              fmt::join(o.window, ", "), fmt::join(stride, ", "), row.str()),
                  where);
    }
    for (std::size_t i = 0; i < axes; ++i) {
      const std::int64_t extent = row[static_cast<int>(i)];
      const std::size_t whole = axes - o.window.size();
      const std::int64_t size = i < whole ? extent : o.window[i - whole];
      const std::int64_t step = i < whole ? extent : stride[i - whole];
      size_.push_back(size);
      step_.push_back(step);
      places_.push_back((extent - size + step - 1) / step + 1);
      count_ *= places_.back();
    }
  }

  std::int64_t count() const { return count_; }

  // Calls f with the number of every element below window `place`.
  template <class F>
  void cover(std::int64_t place, F f) const {
    std::vector<std::int64_t> begin(size_.size()), end(size_.size());
    for (std::size_t i = size_.size(); i-- > 0;) {
      begin[i] = place % places_[i] * step_[i];
      end[i] = std::min(begin[i] + size_[i], row_[static_cast<int>(i)]);
      place /= places_[i];
    }
    visit(begin, end, 0, 0, f);
  }

 private:
  template <class F>
  void visit(const std::vector<std::int64_t>& begin, const std::vector<std::int64_t>& end,
             std::size_t axis, std::int64_t at, F& f) const {
    if (axis == begin.size()) {
      f(static_cast<std::size_t>(at));
      return;
    }
    for (std::int64_t i = begin[axis]; i < end[axis]; ++i) {
      visit(begin, end, axis + 1, at * row_[static_cast<int>(axis)] + i, f);
    }
  }

  Shape row_;
  std::vector<std::int64_t> size_, step_, places_;
  std::int64_t count_ = 1;
};

}  // namespace

Attribution explain_occlusion(const ModelFn& model, const Tensor& x, const OcclusionOptions& o,
                              const ExplainOptions& options, Location where) {
  ExplainRun run("occlusion", model, x, options, where);
  const Windows windows(o, run.inputs().shape().without(0), where);
  const BaselineSet baselines(run, o.baselines);
  const std::int64_t b = baselines.count();
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  run.pool().values(
      run.items(windows.count() * b),  // variant = window * baselines + baseline
      [&](const WorkItem& w, std::span<float> row) {
        const auto from = run.row(w.sample);
        std::copy(from.begin(), from.end(), row.begin());
        const auto absent = baselines.row(w.variant % b, w.sample);
        windows.cover(w.variant / b, [&](std::size_t i) { row[i] = absent[i]; });
      },
      [&](const WorkItem& w, double value, std::span<const float>) {
        const double drop = run.result().f[static_cast<std::size_t>(w.sample)] - value;
        double* const to = values.data() + static_cast<std::size_t>(w.sample) * run.width();
        windows.cover(w.variant / b,
                      [&](std::size_t i) { to[i] += drop / static_cast<double>(b); });
      });
  std::vector<double> covered(run.width());
  for (std::int64_t p = 0; p < windows.count(); ++p) {
    windows.cover(p, [&](std::size_t i) { covered[i] += 1; });
  }
  for (std::size_t i = 0; i < values.size(); ++i) values[i] /= covered[i % run.width()];
  run.result().steps.assign(static_cast<std::size_t>(run.samples()),
                            static_cast<int>(windows.count()));
  return run.finish(values, false);
}

}  // namespace ingrad
